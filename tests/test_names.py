"""Names hold for the whole project: who meets one in a hover knows which thing it is."""

import re
from collections import defaultdict

from tests.workspaces import PROJECT

_PACKAGES = ("loadtasks", "app")
_OF_EACH = {"Settings"}
"""What each of the two programs has, under the name that everybody expects."""
_CLASS = re.compile(r"^[ \t]*class ([^_\W]\w*) *[:(]", re.MULTILINE)
"""By its text: to parse all modules takes 1.6 s of CPU."""


def test_a_class_name_is_unique() -> None:
    places = defaultdict(list)
    for package in _PACKAGES:
        for path in sorted((PROJECT / package).rglob("*.py")):
            for name in _CLASS.findall(path.read_text(encoding="utf-8")):
                if name not in _OF_EACH:
                    places[name].append(str(path.relative_to(PROJECT)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
