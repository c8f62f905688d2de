"""Checks whether the service could start in its environment: errors that prevent it, and settings to reconsider."""

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
from app.storage.database import AppDatabase
from app.storage.schema_version import SchemaError

ALL_ADDRESSES = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not listened on


@dataclass(frozen=True)
class CheckResult:
    """The result of one check."""

    state: Literal["ok", "warning", "fault"]
    """A `fault` keeps the service from starting or working; a `warning` doesn't."""
    part: str
    """What was checked."""
    detail: str = ""
    """One sentence; empty if there is nothing to say."""

    def __str__(self) -> str:
        return f"{self.state:<8} {self.part}" + (f": {self.detail}" if self.detail else "")


def run_checks(environ: Mapping[str, str]) -> Iterator[CheckResult]:
    """Check everything that the service needs, part by part.

    Args:
        environ: The environment variables that it would start with.
    """
    try:
        settings = Settings.from_environ(environ)
    except SettingsError as error:
        yield CheckResult("fault", "settings", str(error))
        return
    yield CheckResult("ok", "settings")
    yield _result("database", lambda: _database_fault(settings.database_url))
    if settings.replica_url:
        yield _result("replica", lambda: _database_fault(settings.replica_url))
    if settings.redis_url:
        yield _result("Redis", lambda: _redis_fault(settings.redis_url))
    yield _result("secret key", lambda: _key_fault(settings))
    yield _result("port", lambda: _port_fault(settings.host, settings.port))
    yield from _warnings(settings)


def _result(part: str, find_fault: Callable[[], str]) -> CheckResult:
    fault = find_fault()
    return CheckResult("fault", part, fault) if fault else CheckResult("ok", part)


def _database_fault(url: str) -> str:
    try:
        database = AppDatabase(url)
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
        reason = str(error).rstrip(".")
        return (
            f"{without_password(url)} doesn't respond ({reason}): check that it runs and that APP_REDIS_URL is right."
        )
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
        return (
            f"{host}:{port} can't be listened on ({error.strerror}): set APP_HOST and APP_PORT, or end the process "
            "that uses it."
        )
    return ""


def _warnings(settings: Settings) -> Iterator[CheckResult]:
    if settings.allow_load_test:
        yield CheckResult(
            "warning", "rate limits", "APP_ALLOW_LOAD_TEST is on: tokens with the scope load-test are exempt."
        )
    if settings.faults:
        yield CheckResult("warning", "faults", f"APP_FAULTS={settings.faults} injects faults on purpose.")
    if settings.cache == "off":
        yield CheckResult("warning", "cache", "APP_CACHE is off: every document is computed anew.")
    if settings.host in ALL_ADDRESSES and not settings.behind_tls:
        detail = f"APP_HOST is {settings.host}, and APP_BEHIND_TLS isn't set: tokens may be sent unencrypted."
        yield CheckResult("warning", "TLS", detail)
