"""What mypy skips would be `Any` in our modules without a word: they import none of it."""

import ast
import tomllib
from collections.abc import Iterator
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


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def skipped(source: str) -> list[str]:
    return [name for name in imported(source) if any(f"{name}.".startswith(f"{package}.") for package in SKIPPED)]


@pytest.mark.parametrize("package", MYPY["packages"])
def test_nothing_of_ours_imports_what_mypy_skips(package: str) -> None:
    sources = {str(path): path.read_text() for path in (ROOT / package).rglob("*.py")}
    assert len(sources) > 1
    assert [path for path, source in sources.items() if skipped(source)] == []


@pytest.mark.parametrize(
    "source", ["import os, altair", "from redis import (\n    Redis,\n    asyncio,\n)", "from altair.x import y"]
)
def test_every_way_to_import_it_is_noticed(source: str) -> None:
    assert skipped(source)
