"""Whether the service could start as it is set up: what has to be mended for that, and what is worth a look."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from redis import Redis, RedisError
from sqlalchemy.exc import ArgumentError

from app.redis.client import TIMEOUT_S, without_password
from app.security.keys import signing_keys
from app.settings import Settings, SettingsError
from app.storage.database import Database
from app.storage.schema_version import SchemaError

EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not listened on


@dataclass(frozen=True)
class Finding:
    """What was found of one part.

    Attributes:
        state: A ``fault`` keeps the service from starting or working; a ``warning`` doesn't.
        part: What was looked at.
        detail: One sentence; empty where there is nothing to say.
    """

    state: Literal["ok", "warning", "fault"]
    part: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.state:<8} {self.part}" + (f": {self.detail}" if self.detail else "")


def findings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at everything that the service needs, part by part.

    Args:
        environ: The environment variables that it would start with.
    """
    try:
        settings = Settings.from_environ(environ)
    except SettingsError as error:
        yield Finding("fault", "settings", str(error))
        return
    yield Finding("ok", "settings")
    yield _looked_at("database", lambda: _database_fault(settings.database_url))
    if settings.replica_url:
        yield _looked_at("replica", lambda: _database_fault(settings.replica_url))
    if settings.redis_url:
        yield _looked_at("Redis", lambda: _redis_fault(settings.redis_url))
    yield _looked_at("secret key", lambda: _key_fault(settings))
    yield _looked_at("port", lambda: _port_fault(settings.host, settings.port))
    yield from _worth_a_look(settings)


def _looked_at(part: str, fault: Callable[[], str]) -> Finding:
    found = fault()
    return Finding("fault", part, found) if found else Finding("ok", part)


def _database_fault(url: str) -> str:
    try:
        database = Database(url)
        database.check_schema()
        database.dispose()
    except (SchemaError, ArgumentError) as error:
        return str(error)
    return ""


def _redis_fault(url: str) -> str:
    try:
        with Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S) as client:
            client.ping()
    except (RedisError, ValueError) as error:
        why = str(error).rstrip(".")
        return f"{without_password(url)} doesn't answer ({why}): see that it runs and that APP_REDIS_URL names it."
    return ""


def _key_fault(settings: Settings) -> str:
    try:
        signing_keys(settings)
    except SettingsError as error:
        return str(error)
    return ""


def _port_fault(host: str, port: int) -> str:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return f"{host}:{port} can't be listened on ({error.strerror}): set APP_HOST and APP_PORT, or end what has it."
    return ""


def _worth_a_look(settings: Settings) -> Iterator[Finding]:
    if settings.allow_load_test:
        yield Finding("warning", "rate limits", "APP_ALLOW_LOAD_TEST is on: tokens made for load tests have none.")
    if settings.faults:
        yield Finding("warning", "faults", f"APP_FAULTS={settings.faults} makes the service worse on purpose.")
    if settings.cache == "off":
        yield Finding("warning", "cache", "APP_CACHE is off: every answer is computed anew.")
    if settings.host in EVERYWHERE and not settings.behind_tls:
        detail = f"APP_HOST is {settings.host}, and APP_BEHIND_TLS isn't set: tokens may travel in clear."
        yield Finding("warning", "TLS", detail)
