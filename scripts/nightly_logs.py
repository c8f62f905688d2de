"""Task logs of a DAG run in this process.

`DAG.test()` prints what tasks log. Here it is written where a worker would write it, so that it can be read in the
Airflow UI, and the terminal gets one line a task.
"""
# ruff: noqa: T201 - it talks to a terminal

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import Any

import structlog
from airflow.configuration import conf
from airflow.listeners import hookimpl
from airflow.sdk.listener import get_listener_manager
from airflow.sdk.log import logging_processors
from jinja2 import Template


class TaskLogs(logging.Handler):
    """A listener of tasks, a structlog processor and a logging handler in one: they share the open log file."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.interrupted = False
        self.open_failure: BaseException | None = None
        self._file: Any = None
        self._log: Any = None
        self._started_s = 0.0
        self._template = Template(conf.get("logging", "log_filename_template"))
        self._folder = Path(conf.get("logging", "base_log_folder"))

    def install(self) -> None:
        """Take over what this process logs."""
        get_listener_manager().add_listener(self)
        # In place: loggers that were used before keep this very list.
        structlog.get_config()["processors"].insert(-1, self._take)
        logging.getLogger().handlers[:] = [self]

    @hookimpl
    def on_task_instance_running(self, task_instance: Any) -> None:
        """Open the task's log; none begins once the night was interrupted."""
        # Where the interpreter can raise nothing, as amid a garbage collection, an interrupt is told and forgotten.
        if self.interrupted:
            raise KeyboardInterrupt
        path = self._folder / self._template.render(ti=task_instance, try_number=task_instance.try_number)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        self._log = structlog.wrap_logger(
            structlog.BytesLogger(self._file), processors=logging_processors(json_output=True), logger_name="task"
        ).bind()
        self._started_s = time.monotonic()

    @hookimpl
    def on_task_instance_success(self, task_instance: Any) -> None:
        """Close the task's log."""
        self._end(task_instance, "")

    @hookimpl
    def on_task_instance_failed(self, task_instance: Any, error: BaseException | str | None) -> None:
        """Close the task's log; say why it failed."""
        if task_instance.task_id == "open_run" and isinstance(error, BaseException):
            self.open_failure = error.__context__ or error
        if self.interrupted:
            self._end(task_instance, "stopped")
            # Airflow takes Ctrl-C for a failure of the task and would go on with the next.
            raise KeyboardInterrupt
        self._end(task_instance, str(error))

    def _end(self, task_instance: Any, failure: str) -> None:
        name = task_instance.rendered_map_index or ""
        took_s = time.monotonic() - self._started_s
        print(f"{task_instance.task_id:9} {name:24} {took_s:6.1f} s  {failure}".rstrip(), flush=True)
        if self._file:
            self._file.close()
        self._file = self._log = None

    def emit(self, record: logging.LogRecord) -> None:
        """What is logged through the standard library."""
        self._write(record.levelname.lower(), record.getMessage(), logger=record.name, exc_info=record.exc_info)

    def _take(self, _logger: Any, level: str, event: dict[str, Any]) -> dict[str, Any]:
        """What is logged through structlog."""
        rest = {key: value for key, value in event.items() if key not in ("event", "level", "timestamp")}
        self._write(level, str(event.get("event")), **rest)
        raise structlog.DropEvent

    def _write(self, level: str, event: str, **rest: Any) -> None:
        known = level if level in ("debug", "info", "warning", "error", "critical") else "error"
        if self._log is not None:
            if level == "exception" and not rest.get("exc_info"):
                rest["exc_info"] = True
            getattr(self._log, known)(event, **{key: value for key, value in rest.items() if value is not None})
        elif known in ("error", "critical"):
            print(f"Airflow: {event}", file=sys.stderr, flush=True)
