"""Logs: one line a record on standard error, as ``key=value`` pairs."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from gunicorn.config import Config
from gunicorn.glogging import Logger


class LineFormatter(logging.Formatter):
    """Formats a record, its traceback too, as one line of ``key=value`` pairs."""

    def format(self, record: logging.LogRecord) -> str:
        """Make the line; the message and the traceback are JSON strings."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = f"at={at} level={record.levelname} logger={record.name} pid={record.process} "
        line += f"message={json.dumps(record.getMessage(), ensure_ascii=False)}"
        if record.exc_info:
            line += f" exception={json.dumps(self.formatException(record.exc_info), ensure_ascii=False)}"
        return line


class LineLogger(Logger):  # type: ignore[misc]  # gunicorn comes without types
    """gunicorn's logger with our lines.

    gunicorn's own way to set a format, a logging configuration, would make it write an access log in any case.
    """

    def setup(self, cfg: Config) -> None:
        """Set the handlers of gunicorn's loggers and of ours up."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(LineFormatter())
        ours = logging.getLogger("app")
        ours.handlers = list(self.error_log.handlers)
        ours.setLevel(self.loglevel)
        ours.propagate = False
