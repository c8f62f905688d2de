"""What mypy is told to skip would be `Any` in our modules without a word: they import none of it."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MYPY = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
SKIPPED = [
    name.removesuffix(".*")
    for override in MYPY["overrides"]
    if override.get("follow_imports") == "skip"
    for name in override["module"]
]


@pytest.mark.parametrize("package", MYPY["packages"])
def test_nothing_of_ours_imports_what_mypy_skips(package: str) -> None:
    assert SKIPPED
    whole = "|".join(map(re.escape, SKIPPED))
    from_parents = "|".join(
        rf"{re.escape(parent)}\s+import\b.*\b{last}"
        for parent, _, last in (name.rpartition(".") for name in SKIPPED)
        if parent
    )
    imports = re.compile(rf"^\s*(?:(?:from|import)\s+(?:{whole})\b|from\s+(?:{from_parents})\b)", re.MULTILINE)
    sources = {str(path): path.read_text() for path in (ROOT / package).rglob("*.py")}
    assert len(sources) > 1
    assert [path for path, source in sources.items() if imports.search(source)] == []
