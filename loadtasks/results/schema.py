"""The tables of the results database. A change here needs a migration in migrations/versions, and a new `HEAD`."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    MetaData,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from loadtasks.measurement.metrics import METRICS, Unit
from loadtasks.results.column_types import IntegerColumn, JsonColumn, NumberColumn, TextColumn, UtcMoment

HEAD = "0024"
"""The newest migration, so that opening an up-to-date database need not import Alembic."""
VERSION_TABLE = "results_version"
"""Where Alembic notes the schema's version; not its default name, since databases may be shared."""


class ResultsBase(DeclarativeBase):
    """All tables."""

    metadata = MetaData(
        naming_convention={  # so that a later migration can name what it changes
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - declarative reads it as a plain dictionary
        str: TextColumn,
        int: IntegerColumn,
        float: NumberColumn,
        datetime: UtcMoment,
        dict[str, Any]: JsonColumn(dict),
        list[str]: JsonColumn(list, of=str),
        list[dict[str, Any]]: JsonColumn(list, of=dict),
        dict[str, int]: JsonColumn(dict),
    }


class RunRow(ResultsBase):
    """A run."""

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(index=True, unique=True)
    """The order in which runs were opened, from 1: clocks can be wrong."""
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    trigger: Mapped[str]
    dag_id: Mapped[str | None]
    dag_run_id: Mapped[str | None]
    target_url: Mapped[str]
    service: Mapped[str] = mapped_column(index=True)
    """Scenarios, baselines and regressions of one name in two services have nothing to do with each other."""
    target_version: Mapped[str | None]
    reference_url: Mapped[str | None]
    reference_version: Mapped[str | None]
    load_factor: Mapped[float]
    scenarios: Mapped[list[str]]
    generator: Mapped[str]
    processes: Mapped[int]
    measurement_version: Mapped[int]
    calibrations: Mapped[dict[str, Any]]
    controls: Mapped[dict[str, Any]]
    verdict: Mapped[str | None]
    pruned_at: Mapped[datetime | None]
    """When its report, histograms and exemplars were removed; None where they were not."""
    judged_at: Mapped[datetime | None]
    """When it was closed with its verdict, the last time; None while it is open, and where an older version did that.
    Of two copies of a run the one that was judged later is the newer one."""


class RunSequenceRow(ResultsBase):
    """The last number that a run was given, so that none is given twice, whichever runs are deleted."""

    __tablename__ = "run_sequence"

    name: Mapped[str] = mapped_column(primary_key=True)
    """`RUN_SEQUENCE`; there is one row."""
    last: Mapped[int]


RUN_SEQUENCE = "runs"


class RemovedRunRow(ResultsBase):
    """A run that somebody removed, so that no other database brings it back."""

    __tablename__ = "removed_runs"

    id: Mapped[str] = mapped_column(primary_key=True)
    service: Mapped[str]
    sequence: Mapped[int]
    """Its place among the runs that are left."""
    started_at: Mapped[datetime]
    removed_at: Mapped[datetime]


def _run_id() -> Mapped[str]:
    return mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))


class MeasurementRow(ResultsBase):
    """A measurement: its metrics as columns (for history and other tools), its histograms as HdrHistogram texts.

    The columns of the metrics are those of the registry; they are added below.
    """

    __tablename__ = "measurements"
    __table_args__ = (
        UniqueConstraint("run_id", "scenario", "part", "repetition"),
        Index(None, "scenario", "part"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = _run_id()
    scenario: Mapped[str]
    part: Mapped[str]
    position: Mapped[int]
    """0 for the whole; its parts follow in the order in which they were saved."""
    repetition: Mapped[int]
    """From 1, in order of measuring: a scenario may be measured several times in one run."""
    reason: Mapped[str | None]
    """Why it was repeated; None of the first repetition."""
    reported: Mapped[bool]
    """Whether this repetition is the one that is judged and shown; one of a scenario is."""
    trusted: Mapped[bool]
    """Whether this repetition is part of the baseline, if the scenario's verdict is not `invalid`."""
    endpoint: Mapped[str]
    protocol: Mapped[str]
    scenario_hash: Mapped[str]
    load: Mapped[dict[str, Any]]
    started_at: Mapped[datetime]
    elapsed_s: Mapped[float]
    duration_s: Mapped[float | None]
    stragglers: Mapped[int]
    availability_details: Mapped[dict[str, Any] | None] = mapped_column(JsonColumn(dict, none_as_null=True))
    """The longest outage and the like; `availability` itself is a metric."""
    response: Mapped[str | None]
    """None in a pruned run, as are the two below: the metrics are left, and `timed`."""
    service: Mapped[str | None]
    send_lag: Mapped[str | None]
    timed: Mapped[int | None]
    """How many times `response` held before it was pruned; None where it was not."""
    statuses: Mapped[dict[str, int]]
    errors: Mapped[list[dict[str, Any]]]
    phases: Mapped[dict[str, Any]]
    body_bytes: Mapped[int] = mapped_column(BigInteger)
    target_metrics: Mapped[dict[str, Any] | None] = mapped_column(JsonColumn(dict, none_as_null=True))
    exemplars: Mapped[list[dict[str, Any]]]
    unreachable_addresses: Mapped[list[dict[str, Any]]]
    health: Mapped[dict[str, Any]]


def _add_metric_columns() -> None:
    for metric in METRICS.values():
        is_count = metric.unit is Unit.COUNT
        column = mapped_column(metric.name, IntegerColumn if is_count else NumberColumn, nullable=not is_count)
        setattr(MeasurementRow, metric.name, column)


_add_metric_columns()


class FailureRow(ResultsBase):
    """A scenario that was not measured to its end, and why."""

    __tablename__ = "failures"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    scenario: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str]
    detail: Mapped[str]
    access: Mapped[dict[str, Any] | None] = mapped_column(JsonColumn(dict, none_as_null=True))


class BeginningRow(ResultsBase):
    """The newest time that load of a scenario was about to be sent, and by whom."""

    __tablename__ = "beginnings"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    scenario: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str]
    begun_at: Mapped[datetime]
    host: Mapped[str]
    repeatable: Mapped[bool]
    disturbed: Mapped[bool]


class PairingRow(ResultsBase):
    """A scenario's reference, and the rounds in which both were driven; or why there are none."""

    __tablename__ = "pairings"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    scenario: Mapped[str] = mapped_column(primary_key=True)
    problem: Mapped[str | None]
    reference: Mapped[list[dict[str, Any]]]
    round_ratios: Mapped[list[dict[str, Any]]]


class VerdictRow(ResultsBase):
    """What one scenario of a run means."""

    __tablename__ = "verdicts"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    scenario: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    verdict: Mapped[str]
    findings: Mapped[list[dict[str, Any]]]
    comparisons: Mapped[list[dict[str, Any]]]
    baseline_run: Mapped[str | None]


class CreepRow(ResultsBase):
    """A creep that a run has reported: once, until a person accepts a later level."""

    __tablename__ = "creeps"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    scenario: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)
    anchor_run: Mapped[str]
    """No foreign key: that the anchor's first run is removed doesn't make it unreported."""
    findings: Mapped[list[dict[str, Any]]]


class BaselineRow(ResultsBase):
    """An approval of a run's measurement as the baseline of its scenario. The newest is current, the others history."""

    __tablename__ = "baselines"

    id: Mapped[int] = mapped_column(primary_key=True)
    scenario: Mapped[str] = mapped_column(index=True)
    run_id: Mapped[str] = _run_id()
    approved_by: Mapped[str]
    approved_at: Mapped[datetime]
    why: Mapped[str]
    scenario_hash: Mapped[str]
    target_version: Mapped[str | None]
    generator: Mapped[str]
    run: Mapped[RunRow] = relationship(lazy="joined", innerjoin=True, viewonly=True)


class LateRunRow(ResultsBase):
    """A run that has not ended in time, of which people still have to know."""

    __tablename__ = "late_runs"

    run_id: Mapped[str] = mapped_column(primary_key=True)
    """No foreign key: it may never have been opened."""
    service: Mapped[str | None]
    dag_id: Mapped[str]
    due: Mapped[datetime]


class RegressionRow(ResultsBase):
    """A scenario that regressed, or a part of a mixed one."""

    __tablename__ = "regressions"

    id: Mapped[int] = mapped_column(primary_key=True)
    service: Mapped[str] = mapped_column(index=True)
    scenario: Mapped[str]
    part: Mapped[str]
    first_run: Mapped[str]
    """No foreign key: a run that is measured anew doesn't end what was found since."""
    found_run: Mapped[str] = mapped_column(index=True)
    version_before: Mapped[str | None]
    version_after: Mapped[str | None]
    shared_since: Mapped[str | None]
    changes: Mapped[list[dict[str, Any]]]
    moves: Mapped[list["MoveRow"]] = relationship(order_by="MoveRow.id", cascade="all", passive_deletes=True)


class MoveRow(ResultsBase):
    """One step in the life of a regression: who moved it where, when and why."""

    __tablename__ = "moves"

    id: Mapped[int] = mapped_column(primary_key=True)
    regression_id: Mapped[int] = mapped_column(ForeignKey("regressions.id", ondelete="CASCADE"), index=True)
    state: Mapped[str]
    at: Mapped[datetime]
    sequence: Mapped[int]
    """That of the newest run of the service at that moment; 0 where there was none."""
    run_id: Mapped[str | None]
    """The run that showed it; None where a person moved it."""
    who: Mapped[str]
    why: Mapped[str]
    place: Mapped[str]


class MessageRow(ResultsBase):
    """A message to people: written before it is sent, then delivered or given up."""

    __tablename__ = "messages"

    id: Mapped[int] = mapped_column(primary_key=True)
    service: Mapped[str] = mapped_column(index=True)
    run_id: Mapped[str | None] = mapped_column(index=True)
    """No foreign key: a message outlives its run, so that it is sent all the same, and what it reported stays known."""
    sequence: Mapped[int]
    run_started_at: Mapped[datetime]
    kind: Mapped[str]
    channel: Mapped[str]
    message_id: Mapped[str] = mapped_column(unique=True)
    recipients: Mapped[list[str]]
    subject: Mapped[str]
    content: Mapped[str]
    """The whole in the format of RFC 5322."""
    topics: Mapped[list[dict[str, Any]]]
    state: Mapped[str] = mapped_column(index=True)
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime | None]
    """The end of the claim of the process that sends it; None once it is settled."""
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
    given_up_after: Mapped[int | None]
    """The id of the newest message of its service at that moment, 0 without any; None where it was not given up."""
    where: Mapped[str]
    last_error: Mapped[str]
