"""What can be set from outside, and the one place where it is read."""

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
SECRET_KEY_MIN = 32
HIDDEN = "***"
URLS = "sqlite:///var/app/app.db or postgresql://USER:PASSWORD@HOST/DATABASE"


class SettingsError(Exception):
    """A setting has a value that the service can't start with; the message is one sentence."""


def _listed(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _shown(name: str, value: str) -> str:
    """What people may be shown of a value: no key, and of a URL no password."""
    if name == f"{PREFIX}SECRET_KEY":
        return HIDDEN
    value = re.sub(r"^([a-z0-9+]+://|//)?.*@", rf"\1{HIDDEN}@", value, flags=re.DOTALL)
    return re.sub(r"(password=)[^&]*", rf"\1{HIDDEN}", value, flags=re.DOTALL)


class Settings(BaseModel):
    """All settings. Each is read from the environment variable ``APP_`` plus its name in capitals.

    Attributes:
        database_url: An SQLAlchemy URL: of an SQLite file, whose folder is created, or of a PostgreSQL database.
        replica_url: An SQLAlchemy URL of a streaming replica of the PostgreSQL database. Empty: there is none.
        redis_url: Of the Redis that instances share their cache, limits and events by. Empty: each has its own.
        secret_key: What tokens are signed with, at least 32 characters. Of several, separated by commas, the first one
            signs and all verify. Empty: a file beside the SQLite file has it.
        allow_load_test: Whether the scope ``load-test`` frees of rate limits: ``1``, and nothing else.
        database_connections: Connections to PostgreSQL that an instance keeps open.
        database_connections_max: Connections to PostgreSQL that an instance may have at the same time.
        host: Address that gunicorn listens on.
        port: Port that gunicorn listens on; 0 takes a free one.
        workers: Processes; more than one need ``redis_url``, since events are handed out within a process.
        threads: Requests answered at the same time by each worker. WebSockets don't hold one.
        faults: Faults to inject, see ``app.faults``. Empty: none.
        revision: Source revision that ``/version`` tells.
        log_level: Least severe level that is logged.
        access_log: Whether each request is a line in the log.
        cache: ``on`` or ``off``; off, every answer is computed anew, as if the cache were broken.
        dashboard_ttl_s: Seconds for which the dashboard's figures are kept.
        config_ttl_s: Seconds for which the configuration is kept.
        event_queue: Events that may wait for one WebSocket client before it counts as too slow.
        heartbeat_s: Seconds between two pings of a WebSocket client; one that leaves two unanswered is cut.
        websockets_max: WebSockets that an instance holds at the same time.
        session_duration_s: Seconds that a started session takes.
        session_steps: Progress steps of a session, the last one being its end.
        session_failure_every: Every n-th session fails; 0: none does.
        cors_origins: Origins whose pages may call the API, separated by commas. Empty: none.
        behind_tls: Whether clients reach it by TLS alone; they are then told to remember that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    database_url: str = "sqlite:///var/app/app.db"
    replica_url: str = ""
    redis_url: str = Field(default="", pattern=r"^(rediss?://.+|unix://.+|)$")
    secret_key: str = Field(default="", repr=False)
    allow_load_test: bool = False
    database_connections: int = Field(default=10, ge=1, le=1000)
    database_connections_max: int = Field(default=20, ge=1, le=1000)
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    workers: int = Field(default=1, ge=1, le=64)
    threads: int = Field(default=16, ge=1, le=512)
    faults: str = ""
    revision: str = ""
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    access_log: bool = False
    cache: str = Field(default="on", pattern="^(on|off)$")
    dashboard_ttl_s: float = Field(default=30.0, gt=0)
    config_ttl_s: float = Field(default=300.0, gt=0)
    event_queue: int = Field(default=256, ge=1)
    heartbeat_s: float = Field(default=30.0, gt=0)
    websockets_max: int = Field(default=10_000, ge=0)
    session_duration_s: float = Field(default=2.0, ge=0)
    session_steps: int = Field(default=4, ge=1, le=100)
    session_failure_every: int = Field(default=20, ge=0)
    cors_origins: str = ""
    behind_tls: bool = False

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, value: str) -> str:
        try:
            url = make_url(value)
        except ArgumentError:
            raise ValueError(f"not a database URL; write for example {URLS}") from None
        if url.get_backend_name() not in ("sqlite", "postgresql") or url.database in (None, "", ":memory:"):
            raise ValueError(f"must name an SQLite file or a PostgreSQL database, for example {URLS}")
        return value

    @field_validator("secret_key")
    @classmethod
    def _are_keys(cls, value: str) -> str:
        keys = _listed(value)
        if not keys or not all(re.fullmatch(f"[!-~]{{{SECRET_KEY_MIN},}}", key) for key in keys):
            raise ValueError(f"a key has at least {SECRET_KEY_MIN} characters, and none that is blank or not ASCII")
        return value

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The keys of ``secret_key``."""
        return tuple(_listed(self.secret_key))

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
    def _can_share(cls, value: int, info: ValidationInfo) -> int:
        if value > 1 and not info.data.get("redis_url"):
            raise ValueError("more than one worker needs APP_REDIS_URL, by which they share what happens")
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for origin in _listed(value):
            if not re.fullmatch(r"https?://[a-z0-9.-]+(:\d+)?", origin):
                raise ValueError(f"'{origin}' is no origin; write for example https://example.com")
        return value

    @property
    def origins(self) -> frozenset[str]:
        """The origins of ``cors_origins``."""
        return frozenset(_listed(self.cors_origins))

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
            raise SettingsError(f"{name}={_shown(name, str(first['input']))}: {reason}.") from None
