"""Logs: one JSON object a line on standard error.

Every record has ``at`` (UTC), ``level``, ``logger``, ``pid`` and ``message``; an error's has ``exception``, a request's
``request_id``, ``trace_id`` and, where the caller named one, ``parent_id``.
"""

from __future__ import annotations

import logging
import os
import re
from typing import TYPE_CHECKING

import structlog
from gunicorn.config import Config
from gunicorn.glogging import Logger

from app.observability.correlation import current

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

# What an Authorization header or a query string says, wherever a message or a traceback quotes one.
SECRET = re.compile(r"((?:bearer|basic)\s+|(?:access_)?token=)[^\s\"'&,;]+", re.IGNORECASE)


def _add_origin(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["pid"] = os.getpid()
    correlation = current()
    if correlation is not None:
        event.update(correlation.fields())
    return event


def _redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: SECRET.sub(r"\1***", value) if isinstance(value, str) else value for key, value in event.items()}


def json_formatter() -> logging.Formatter:
    """Make the formatter that writes a record, its traceback and its extra fields too, as one line of JSON."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            _add_origin,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.format_exc_info,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.EventRenamer("message"),
            _redact,
            structlog.processors.JSONRenderer(),
        ],
    )


class LineLogger(Logger):  # type: ignore[misc]  # gunicorn comes without types
    """gunicorn's logger with our lines.

    gunicorn's own way to set a format, a logging configuration, would make it write an access log in any case.
    """

    def setup(self, cfg: Config) -> None:
        """Set the handlers of gunicorn's loggers and of ours up."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(json_formatter())
        ours = logging.getLogger("app")
        ours.handlers = list(self.error_log.handlers)
        ours.setLevel(self.loglevel)
        ours.propagate = False
