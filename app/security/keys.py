"""The keys that tokens are signed with."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from sqlalchemy.engine import make_url

from app.settings import SECRET_KEY_MIN, Settings, SettingsError

SUFFIX = ".secret"
RANDOM_BYTES = 48


def signing_keys(settings: Settings) -> tuple[str, ...]:
    """The keys of ``APP_SECRET_KEY``, or the one in a file beside the SQLite database, made when it is not there.

    Returns:
        At least one. The first signs, all verify.

    Raises:
        SettingsError: There is none, and none can be made.
    """
    if settings.secret_keys:
        return settings.secret_keys
    url = make_url(settings.database_url)
    if url.get_backend_name() != "sqlite":
        raise SettingsError(
            f"APP_SECRET_KEY isn't set: give all instances of the service the same {SECRET_KEY_MIN} random characters "
            "or more to sign tokens with."
        )
    file = Path(f"{url.database}{SUFFIX}")
    try:
        return (_read_or_make(file),)
    except OSError as error:
        raise SettingsError(
            f"The key in {file} can't be had ({error.strerror}): make it readable and its folder writable, or set "
            "APP_SECRET_KEY."
        ) from error


def _read_or_make(file: Path) -> str:
    if not file.exists():
        _make(file)
    key = file.read_text(encoding="latin-1").strip()
    if len(key) < SECRET_KEY_MIN:
        raise SettingsError(f"{file} holds no key: remove it, and a new one is made, which ends all tokens.")
    return key


def _make(file: Path) -> None:
    """Make the file whole or not at all; of several that try at once the first one's stays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=file.name)  # O_EXCL, and its owner's alone
    try:
        with os.fdopen(descriptor, "w") as new:
            new.write(secrets.token_urlsafe(RANDOM_BYTES) + "\n")
        os.link(name, file)
    except FileExistsError:
        pass
    finally:
        os.unlink(name)
