"""Logs: one line a record on standard error, as ``key=value`` pairs."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any


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


def log_config(level: str) -> dict[str, Any]:
    """A ``logging.config.dictConfig`` for gunicorn's loggers and ours."""
    to_stderr = {"level": "INFO", "handlers": ["stderr"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": LineFormatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {
            "app": {**to_stderr, "level": level},
            "gunicorn.error": {**to_stderr, "level": level},
            "gunicorn.access": to_stderr,
        },
    }
