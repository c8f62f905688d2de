"""The keys that sign access tokens."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from sqlalchemy.engine import make_url

from app.settings import MIN_SECRET_KEY_LENGTH, Settings, SettingsError

SUFFIX = ".secret"
RANDOM_BYTES = 48


def signing_keys(settings: Settings) -> tuple[str, ...]:
    """Read the keys of `APP_SECRET_KEY`, or the key in a file next to the SQLite database, which is made if missing.

    Returns:
        At least one key. The first one signs, all of them verify.

    Raises:
        SettingsError: There is no key, and none can be made.
    """
    if settings.secret_keys:
        return settings.secret_keys
    url = make_url(settings.database_url)
    if url.get_backend_name() != "sqlite":
        raise SettingsError(
            f"APP_SECRET_KEY isn't set: set it to at least {MIN_SECRET_KEY_LENGTH} random characters, the same for all "
            "instances of the service."
        )
    file = Path(f"{url.database}{SUFFIX}")
    try:
        return (_read_or_make(file),)
    except OSError as error:
        raise SettingsError(
            f"The key in {file} can't be read or made ({error.strerror}): make it readable and its folder writable, or "
            "set APP_SECRET_KEY."
        ) from error


def _read_or_make(file: Path) -> str:
    if not file.exists():
        _make(file)
    key = file.read_text(encoding="latin-1").strip()
    if len(key) < MIN_SECRET_KEY_LENGTH:
        raise SettingsError(
            f"{file} holds no valid key: remove it, and a new key is made, which invalidates all tokens."
        )
    return key


def _make(file: Path) -> None:
    """Make the file completely or not at all; of several processes that try at once, the first one's file stays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=file.name)  # exclusive, and readable by its owner alone
    try:
        with os.fdopen(descriptor, "w") as new:
            new.write(secrets.token_urlsafe(RANDOM_BYTES) + "\n")
        os.link(name, file)
    except FileExistsError:
        pass
    finally:
        os.unlink(name)
