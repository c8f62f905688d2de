from pathlib import Path

import pytest

from loadtasks.whole_file import write_whole


def test_a_file_is_replaced_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "20261124T020000Z.eml"
    write_whole(path, b"before")
    replace, seen = Path.replace, []

    def watched(unfinished: Path, target: Path) -> Path:
        seen.append((path.read_bytes(), unfinished.read_bytes()))
        return replace(unfinished, target)

    monkeypatch.setattr(Path, "replace", watched)
    write_whole(path, b"after")
    assert seen == [(b"before", b"after")]
    assert path.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_can_not_be_written_leaves_nothing_and_the_old_file_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    path = tmp_path / "results.json"
    write_whole(path, b"before")

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(type(error)):
        write_whole(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    (tmp_path / "results.json.partial").write_bytes(b"half of a long docum")
    write_whole(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [path]
