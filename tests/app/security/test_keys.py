import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.security.keys import signing_keys
from app.settings import Settings, SettingsError
from tests.app.service import environ_for, launch, run_app

KEY, OTHER = "k" * 32, "o" * 40


def in_file(folder: Path) -> Settings:
    return Settings(database_url=f"sqlite:///{folder}/app.db")


def test_the_keys_of_the_setting_are_used(tmp_path: Path):
    settings = Settings(database_url=f"sqlite:///{tmp_path}/app.db", secret_key=f"{KEY}, {OTHER}")
    assert signing_keys(settings) == (KEY, OTHER)
    assert list(tmp_path.iterdir()) == []
    assert KEY not in repr(settings)


def test_without_a_setting_a_file_next_to_the_database_has_the_key(tmp_path: Path):
    folder = tmp_path / "new"
    (key,) = signing_keys(in_file(folder))
    assert len(key) == 64
    assert signing_keys(in_file(folder)) == (key,)
    assert [file.name for file in folder.iterdir()] == ["app.db.secret"]
    assert stat.S_IMODE((folder / "app.db.secret").stat().st_mode) == 0o600
    assert signing_keys(in_file(tmp_path / "other")) != (key,)


def test_processes_that_start_together_get_the_same_key(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(Path, "exists", lambda _file: False)  # all of them see none
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(signing_keys, [in_file(tmp_path)] * 8))
    assert len(found) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["app.db.secret"]


def test_a_file_without_a_key_is_one_sentence(tmp_path: Path):
    (tmp_path / "app.db.secret").write_text("short\n")
    with pytest.raises(SettingsError, match=r"app\.db\.secret holds no valid key: remove it, .*\.$"):
        signing_keys(in_file(tmp_path))


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path):
    (tmp_path / "app.db.secret").mkdir()
    with pytest.raises(SettingsError, match=r"can't be read or made \(Is a directory\): .* set APP_SECRET_KEY\.$"):
        signing_keys(in_file(tmp_path))


def test_with_postgresql_a_key_must_be_set(tmp_path: Path):
    environ = environ_for(tmp_path, APP_DATABASE_URL="postgresql://me@127.0.0.1:1/app", APP_SECRET_KEY="")
    refused = run_app(environ, "token", "me")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Error: APP_SECRET_KEY isn't set: ")
    assert len(refused.stderr.splitlines()) == 1
    log = tmp_path / "log"
    assert launch(environ, log).wait(20) == 1
    assert log.read_text().startswith("APP_SECRET_KEY isn't set: ")
    assert len(log.read_text().splitlines()) == 1
