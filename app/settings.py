"""The service's settings, read from `APP_*` environment variables in this one place."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from app.faults import parse_faults

PREFIX = "APP_"
MIN_SECRET_KEY_LENGTH = 32
HIDDEN = "***"
URL_EXAMPLES = "sqlite:///var/app/app.db or postgresql://USER:PASSWORD@HOST/DATABASE"


class SettingsError(Exception):
    """A setting has a value that the service can't start with; the message is one sentence."""


def _split(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _without_secrets(name: str, value: str) -> str:
    """A value as it may be shown: without keys, and without the password of a URL."""
    if name == f"{PREFIX}SECRET_KEY":
        return HIDDEN
    value = re.sub(r"^([a-z0-9+]+://|//)?.*@", rf"\1{HIDDEN}@", value, flags=re.DOTALL)
    return re.sub(r"(password=)[^&]*", rf"\1{HIDDEN}", value, flags=re.DOTALL)


class Settings(BaseModel):
    """All settings. Each is read from the environment variable `APP_` plus its name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    database_url: str = "sqlite:///var/app/app.db"
    """SQLAlchemy URL of an SQLite file, whose folder is created, or of a PostgreSQL database."""
    replica_url: str = ""
    """SQLAlchemy URL of a streaming replica of the PostgreSQL database. Empty: there is none."""
    redis_url: str = Field(default="", pattern=r"^(rediss?://.+|unix://.+|)$")
    """URL of the Redis through which instances share cache, rate limits and events. Empty: each has its own."""
    secret_key: str = Field(default="", repr=False)
    """Keys of at least 32 characters, separated by commas: the first one signs tokens, all of them verify. Empty: the
    key in a file next to the SQLite file."""
    allow_load_test: bool = False
    """Whether tokens with the scope `load-test` are exempt from rate limits."""
    database_connections: int = Field(default=10, ge=1, le=1000)
    """Connections to PostgreSQL that an instance keeps open."""
    database_connections_max: int = Field(default=20, ge=1, le=1000)
    """Connections to PostgreSQL that an instance may have at the same time."""
    host: str = "127.0.0.1"
    """Address that gunicorn listens on."""
    port: int = Field(default=8000, ge=0, le=65535)
    """Port that gunicorn listens on; 0: any free one."""
    workers: int = Field(default=1, ge=1, le=64)
    """Worker processes; more than one need `redis_url`, since events stay within a process otherwise."""
    threads: int = Field(default=16, ge=1, le=512)
    """Requests that each worker processes at the same time. Open WebSockets need no thread."""
    faults: str = ""
    """Faults to inject, see `app.faults`. Empty: none."""
    revision: str = ""
    """Source revision that `/version` reports."""
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    """Least severe level that is logged."""
    access_log: bool = False
    """Whether each request is logged."""
    cache: str = Field(default="on", pattern="^(on|off)$")
    """`on` or `off`; off, every document is computed anew, as if the cache were broken."""
    dashboard_ttl_s: float = Field(default=30.0, gt=0)
    """Seconds for which the dashboard's statistics are cached."""
    config_ttl_s: float = Field(default=300.0, gt=0)
    """Seconds for which the configuration is cached."""
    event_queue: int = Field(default=256, ge=1)
    """Events that may be queued for one WebSocket client; one more, and it is closed as too slow."""
    heartbeat_s: float = Field(default=30.0, gt=0)
    """Seconds between two pings of a WebSocket client; a client that leaves two unanswered is cut."""
    websockets_max: int = Field(default=10_000, ge=0)
    """WebSockets that an instance holds at the same time."""
    session_duration_s: float = Field(default=2.0, ge=0)
    """Seconds that a started session takes."""
    session_steps: int = Field(default=4, ge=1, le=100)
    """Progress steps of a session; the last one ends it."""
    session_failure_every: int = Field(default=20, ge=0)
    """Every n-th session fails; 0: none does."""
    cors_origins: str = ""
    """Origins whose pages may call the API, separated by commas. Empty: none."""
    behind_tls: bool = False
    """Whether clients reach the service by TLS only; responses then forbid plain HTTP (HSTS)."""

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, value: str) -> str:
        try:
            url = make_url(value)
        except ArgumentError:
            raise ValueError(f"not a database URL; write for example {URL_EXAMPLES}") from None
        if url.get_backend_name() not in ("sqlite", "postgresql") or url.database in (None, "", ":memory:"):
            raise ValueError(f"must name an SQLite file or a PostgreSQL database, for example {URL_EXAMPLES}")
        return value

    @field_validator("secret_key")
    @classmethod
    def _are_keys(cls, value: str) -> str:
        keys = _split(value)
        if not keys or not all(re.fullmatch(f"[!-~]{{{MIN_SECRET_KEY_LENGTH},}}", key) for key in keys):
            raise ValueError(f"a key has at least {MIN_SECRET_KEY_LENGTH} printable ASCII characters and no blanks")
        return value

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The keys of `secret_key`, one by one."""
        return tuple(_split(self.secret_key))

    @field_validator("replica_url")
    @classmethod
    def _is_replica(cls, value: str, info: ValidationInfo) -> str:
        try:
            backends = {make_url(url).get_backend_name() for url in (value, info.data.get("database_url", value))}
        except ArgumentError:
            backends = set()
        if value and backends != {"postgresql"}:
            raise ValueError("must name a replica of the PostgreSQL database that APP_DATABASE_URL names")
        return value

    @field_validator("workers")
    @classmethod
    def _have_redis(cls, value: int, info: ValidationInfo) -> int:
        if value > 1 and not info.data.get("redis_url"):
            raise ValueError("more than one worker needs APP_REDIS_URL, through which they share events")
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for origin in _split(value):
            if not re.fullmatch(r"https?://[a-z0-9.-]+(:\d+)?", origin):
                raise ValueError(f"'{origin}' is not an origin; write for example https://example.com")
        return value

    @property
    def origins(self) -> frozenset[str]:
        """The origins of `cors_origins`, one by one."""
        return frozenset(_split(self.cors_origins))

    @field_validator("faults")
    @classmethod
    def _is_parsable(cls, value: str) -> str:
        parse_faults(value)
        return value

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings from environment variables.

        Args:
            environ: The variables; the process's own by default. Empty ones count as not set.

        Raises:
            SettingsError: A variable has a value that can't be used.
        """
        variables = os.environ if environ is None else environ
        given = {name: variables.get(PREFIX + name.upper(), "") for name in cls.model_fields}
        try:
            return cls.model_validate({name: value for name, value in given.items() if value})
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            name = PREFIX + str(first["loc"][0]).upper()
            reason = first["msg"].removeprefix("Value error, ")
            raise SettingsError(f"{name}={_without_secrets(name, str(first['input']))}: {reason}.") from None
