"""Task logs of a DAG run in this process.

`DAG.test()` prints what tasks log. Here it is written where a worker would write it, so that it can be read in the
Airflow UI, and the terminal gets one line a task.
"""
# ruff: noqa: T201 - it writes to a terminal

from __future__ import annotations

import logging
import sys
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import structlog
from airflow.configuration import conf
from airflow.listeners import hookimpl
from jinja2 import Template

from scripts import Interruption, airflow_internals

_LEVELS = ("debug", "info", "warning", "error", "critical")


class TaskLogs(logging.Handler):
    """A listener of tasks, a structlog processor and a logging handler in one: they share the open log file."""

    def __init__(self, interruption: Interruption) -> None:
        super().__init__(logging.INFO)
        self.open_failure: BaseException | None = None
        """Why the run could not be opened."""
        self._interruption = interruption
        self._file: Any = None
        self._log: Any = None
        self._started_s = 0.0
        self._template = Template(conf.get("logging", "log_filename_template"))
        self._folder = Path(conf.get("logging", "base_log_folder"))

    def install(self) -> None:
        """Receive what this process logs, and the states of its tasks."""
        airflow_internals.add_task_listener(self)
        airflow_internals.intercept_log_events(self._intercept)
        logging.getLogger().handlers[:] = [self]

    @hookimpl
    def on_task_instance_running(self, task_instance: Any) -> None:
        """Open the task's log.

        Raises:
            KeyboardInterrupt: the run was interrupted, so no further task begins.
        """
        self._interruption.check()
        path = self._folder / self._template.render(ti=task_instance, try_number=task_instance.try_number)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        self._log = structlog.wrap_logger(
            structlog.BytesLogger(self._file), processors=airflow_internals.task_log_processors(), logger_name="task"
        ).bind()
        self._started_s = time.monotonic()

    @hookimpl
    def on_task_instance_success(self, task_instance: Any) -> None:
        """Close the task's log and print its line."""
        self._close(task_instance, "")

    @hookimpl
    def on_task_instance_skipped(self, task_instance: Any) -> None:
        """Close the log of a task that skipped itself, and print its line."""
        self._close(task_instance, "skipped: its log says why")

    @hookimpl
    def on_task_instance_failed(self, task_instance: Any, error: BaseException | str | None) -> None:
        """Close the task's log and print its line, with the reason of the failure.

        Raises:
            KeyboardInterrupt: the run was interrupted. Airflow would go on with the next task.
        """
        if task_instance.task_id == "open_run" and isinstance(error, BaseException):
            self.open_failure = error.__context__ or error
        self._close(task_instance, "stopped" if self._interruption.requested else str(error))
        self._interruption.check()

    def _close(self, task_instance: Any, failure: str) -> None:
        name = task_instance.rendered_map_index or ""
        took_s = time.monotonic() - self._started_s
        print(f"{task_instance.task_id:15} {name:24} {took_s:6.1f} s  {failure}".rstrip(), flush=True)
        if self._file:
            self._file.close()
        self._file = self._log = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write what is logged through the standard library."""
        self._write(record.levelname.lower(), record.getMessage(), logger=record.name, exc_info=record.exc_info)

    def _intercept(self, _logger: Any, level: str, event: MutableMapping[str, Any]) -> Any:
        """Write what is logged through structlog."""
        fields = {key: value for key, value in event.items() if key not in ("event", "level", "timestamp")}
        self._write(level, str(event.get("event")), **fields)
        raise structlog.DropEvent

    def _write(self, level: str, event: str, **fields: Any) -> None:
        known = level if level in _LEVELS else "error"
        if self._log is not None:
            if level == "exception" and not fields.get("exc_info"):
                fields["exc_info"] = True
            getattr(self._log, known)(event, **{key: value for key, value in fields.items() if value is not None})
        elif known in ("error", "critical"):
            print(f"Airflow: {event}", file=sys.stderr, flush=True)
