"""Logs on standard error, one JSON object per line.

Every line has `at` (UTC), `level`, `logger`, `pid` and `message`. Lines about an exception also have `exception`. Lines
written during a request also have `request_id`, `trace_id` and, where the caller sent one, `parent_id`.
"""

from __future__ import annotations

import logging
import os
import re
from typing import TYPE_CHECKING

import structlog
from gunicorn.config import Config
from gunicorn.glogging import Logger

from app.observability.correlation import current_correlation

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

# Credentials in an Authorization header or a query string that a message or a traceback quotes.
SECRET = re.compile(r"((?:bearer|basic)\s+|(?:access_)?token=)[^\s\"'&,;]+", re.IGNORECASE)


def _add_origin(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["pid"] = os.getpid()
    correlation = current_correlation()
    if correlation is not None:
        event.update(correlation.log_fields())
    return event


def _redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: SECRET.sub(r"\1***", value) if isinstance(value, str) else value for key, value in event.items()}


def json_formatter() -> logging.Formatter:
    """Make the formatter that writes a record, with its traceback and its extra fields, as one line of JSON."""
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


class JsonLogger(Logger):  # type: ignore[misc]  # gunicorn comes without types
    """gunicorn's logger, writing lines of JSON.

    gunicorn could take the format from a logging configuration instead, but would then always write an access log.
    """

    def setup(self, cfg: Config) -> None:
        """Set up the handlers of gunicorn's loggers and of the logger `app`."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(json_formatter())
        app_logger = logging.getLogger("app")
        app_logger.handlers = list(self.error_log.handlers)
        app_logger.setLevel(self.loglevel)
        app_logger.propagate = False
