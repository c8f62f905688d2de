"""A module that is imported lazily takes nothing until it is used."""

import sys
from pathlib import Path

import pytest

from loadtasks.verdict.targets.lazy_import import import_lazily


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a package with a module that notes that it was loaded."""
    name = "imported_lazily"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("loaded = []\n")
    (tmp_path / name / "heavy.py").write_text("from imported_lazily import loaded\nloaded.append(1)\nanswer = 42\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in (name, f"{name}.heavy"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return name


def test_it_is_loaded_once_when_it_is_used(package: str) -> None:
    import_lazily(f"{package}.heavy")
    outer = __import__(package)
    heavy = outer.heavy
    assert outer.loaded == []
    assert heavy.answer == 42
    assert outer.loaded == [1]
    import_lazily(f"{package}.heavy")
    assert sys.modules[f"{package}.heavy"] is heavy
    assert outer.loaded == [1]


def test_what_is_not_installed_is_not_found() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        import_lazily("no_such_module")
