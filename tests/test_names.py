"""Names hold for the whole project: who meets one in a hover knows which thing it is."""

import ast
from collections import defaultdict

from tests.workspaces import PROJECT

_PACKAGES = ("loadtasks", "app")
_OF_EACH = {"Settings"}
"""What each of the two programs has, under the name that everybody expects."""


def test_a_class_name_is_unique() -> None:
    places = defaultdict(list)
    for package in _PACKAGES:
        for path in sorted((PROJECT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and node.name not in _OF_EACH:
                    places[node.name].append(f"{path.relative_to(PROJECT)}:{node.lineno}")
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
