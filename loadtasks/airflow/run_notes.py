"""The note of a DAG run: the verdict's sentence, so that the list of runs shows it.

A task can't write the note: the API that tasks call has no request for that, and Airflow's REST API would need an
account. A listener can: when a DAG run ends, Airflow calls the functions below in its scheduler, with the DAG run at
hand. They run for every DAG there, so that they are light, and read nothing but the XCom that `verdict` has left.
"""

import json
import re
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from loadtasks.airflow import VERDICT_TASK

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from sqlalchemy.orm import Session

_MAX_NOTE = 1000
"""Characters; what Airflow's database takes."""
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~!&])")
_MARK = "**Verdict** "
"""What our part of a note begins with: the rest is somebody's own."""
_RETURN_VALUE = "return_value"


@hookimpl
def on_dag_run_success(dag_run: "DagRun") -> None:
    """Write the note of a DAG run that has ended well."""
    _write_note(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: "DagRun") -> None:
    """Write the note of a DAG run that has failed, as where its verdict is not good."""
    _write_note(dag_run)


def note_with(sentence: str, note: str | None) -> str:
    """A note with the verdict's sentence, below what somebody has written. Markdown means nothing in the sentence.

    Args:
        sentence: the sentence; texts of targets may be part of it.
        note: what is there; None where there is nothing.
    """
    own = (note or "").partition(_MARK)[0].rstrip()
    room = _MAX_NOTE - len(_MARK) - len(own) - 2
    escaped = _MARKDOWN.sub(r"\\\1", " ".join(sentence.split())).replace("://", ":\N{ZERO WIDTH SPACE}//")
    shown = escaped if len(escaped) <= room else f"{escaped[: max(room - 1, 0)].rstrip(chr(92))}…"
    return "\n\n".join(filter(None, (own, f"{_MARK}{shown}")))[:_MAX_NOTE]


def _write_note(dag_run: "DagRun") -> None:
    from airflow.models.dagrun import DagRun  # noqa: PLC0415 - only the processes that end DAG runs need it
    from airflow.utils.session import create_session  # noqa: PLC0415
    from sqlalchemy.orm import object_session  # noqa: PLC0415

    session = object_session(dag_run)
    if session is not None:  # of the scheduler, which commits it
        _write_within(session, dag_run)
        return
    with create_session(scoped=False) as own:  # under DAG.test(), which works with a DAG run of no session
        if (found := own.get(DagRun, dag_run.id)) is not None:
            _write_within(own, found)


def _write_within(session: "Session", dag_run: "DagRun") -> None:
    sentence = _sentence(session, dag_run)
    if sentence is None:
        return
    note = note_with(sentence, dag_run.note)
    if dag_run.dag_run_note is None:
        dag_run.note = note
    else:
        dag_run.dag_run_note.content = note


def _sentence(session: "Session", dag_run: "DagRun") -> str | None:
    """What `verdict` has left; None of DAGs that are no performance DAGs, and where it was not reached."""
    from airflow.models.xcom import XComModel  # noqa: PLC0415 - only the processes that end DAG runs need it
    from sqlalchemy import select  # noqa: PLC0415

    query = select(XComModel.value).where(
        XComModel.dag_run_id == dag_run.id, XComModel.task_id == VERDICT_TASK, XComModel.key == _RETURN_VALUE
    )
    with session.no_autoflush:
        return _sentence_of(session.scalars(query).first())


def _sentence_of(value: Any) -> str | None:
    """The sentence in the XCom of `verdict`, JSON; None where it is something else."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return None
    sentence = found.get("sentence") if isinstance(found, dict) and {"run_id", "verdict"} <= found.keys() else None
    return sentence if isinstance(sentence, str) else None
