"""Validates a run's measurements against the suites with Great Expectations, and builds its Data Docs."""

import logging
import os
import shutil
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadtasks.errors import BadInputError
from loadtasks.measurement.metrics import METRICS
from loadtasks.measurement.model import Measurement, metric
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import NoTarget, TargetMissed
from loadtasks.verdict.targets import percentiles
from loadtasks.verdict.targets.suites import EVERY_MEASUREMENT, Expectation, Suite, read_suites

__all__ = ["EVERY_MEASUREMENT", "Expectation", "Judged", "Suite", "judge", "read_suites"]

_FINDS_ROWS = {
    "result_format": "COMPLETE",
    "unexpected_index_column_names": ["row"],
    "include_unexpected_rows": False,
}
_CONDITIONS = ("row_condition", "condition_parser")
_NOT_NULL = "expect_column_values_to_not_be_null"
_POSITION = "loadtasks_position"
"""Key in an expectation's meta: its position in the suite, since Great Expectations sorts the results by column."""


@dataclass
class Judged:
    """The findings of all suites."""

    findings: dict[str, list[Finding]] = field(default_factory=dict)
    """By scenario: missed targets, endpoints without a suite, and percentiles from too few requests."""
    untargeted: list[str] = field(default_factory=list)
    """Labels of the measurements that no suite of their endpoint judged."""

    def add(self, scenario: str, finding: Finding) -> None:
        """Add a finding, once."""
        known = self.findings.setdefault(scenario, [])
        if finding not in known:
            known.append(finding)


def judge(
    measurements: Sequence[Measurement],
    suites: Sequence[Suite],
    data_docs: Path | None = None,
    *,
    untrusted: Collection[str] = (),
) -> Judged:
    """Validate measurements against the suites; build Data Docs in the folder `data_docs`, whose content is replaced.

    Scenarios in `untrusted` are validated by the suite for every measurement alone.

    Raises:
        BadInputError: an expectation that Great Expectations doesn't know or can't evaluate.
    """
    judged = Judged()
    work = [(suite, rows) for suite in suites if (rows := _rows(suite, measurements, untrusted))]
    if work:
        with _quiet():
            _validate(work, data_docs, judged)
    _find_untargeted(measurements, {suite.name for suite in suites}, untrusted, judged)
    _find_insufficient_samples(work, measurements, judged)
    return judged


def _rows(suite: Suite, measurements: Sequence[Measurement], untrusted: Collection[str]) -> list[Measurement]:
    if suite.name == EVERY_MEASUREMENT:
        return list(measurements)
    return [
        measurement
        for measurement in measurements
        if measurement.endpoint == suite.name and measurement.scenario not in untrusted
    ]


def _find_untargeted(
    measurements: Sequence[Measurement], endpoints: Collection[str], untrusted: Collection[str], judged: Judged
) -> None:
    with_parts = {measurement.scenario for measurement in measurements if measurement.part}
    for measurement in measurements:
        held_by_parts = not measurement.part and measurement.scenario in with_parts
        if measurement.endpoint in endpoints or held_by_parts or measurement.scenario in untrusted:
            continue
        judged.untargeted.append(measurement.label)
        judged.add(
            measurement.scenario,
            Finding(
                code=FindingCode.NO_TARGET,
                part=measurement.part,
                parameters=NoTarget(endpoint=measurement.endpoint),
            ),
        )


def _find_insufficient_samples(
    work: Sequence[tuple[Suite, list[Measurement]]], measurements: Sequence[Measurement], judged: Judged
) -> None:
    """Add the percentiles that have a target and too few requests.

    A target under a condition is left out, since it may not be the measurement's.
    """
    targeted: dict[str, set[tuple[str, str]]] = {}
    for suite, rows in work:
        columns = [
            expectation.column for expectation in suite.expectations if not expectation.kwargs.keys() & set(_CONDITIONS)
        ]
        for row in rows:
            targeted.setdefault(row.scenario, set()).update((row.part, column) for column in columns)
    for scenario, metrics in targeted.items():
        for finding in percentiles.insufficient_samples(
            [measurement for measurement in measurements if measurement.scenario == scenario], metrics
        ):
            judged.add(scenario, finding)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Great Expectations from writing to the terminal and from calling home."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _validate(work: Sequence[tuple[Suite, list[Measurement]]], data_docs: Path | None, judged: Judged) -> None:
    import great_expectations as gx  # noqa: PLC0415 - takes seconds: only where targets are judged
    from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: PLC0415

    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    _set_data_docs(context, data_docs)
    source = context.data_sources.add_pandas("measurements")
    began = min(row.started_at for _, rows in work for row in rows)
    run_id = gx.RunIdentifier(run_name=f"measured-{began:%Y%m%dT%H%M%SZ}")
    for suite, rows in work:
        batch = source.add_dataframe_asset(suite.name).add_batch_definition_whole_dataframe("run")
        definition = context.validation_definitions.add(
            gx.ValidationDefinition(name=suite.name, data=batch, suite=context.suites.add(_gx_suite(suite, rows)))
        )
        result = definition.run(batch_parameters={"dataframe": _frame(rows)}, result_format=_FINDS_ROWS, run_id=run_id)
        # Results are sorted by column; people read them in the order of the file.
        documents: list[dict[str, Any]] = [outcome.to_json_dict() for outcome in result.results]
        for document in sorted(documents, key=lambda found: found["expectation_config"]["meta"][_POSITION]):
            _find_misses(suite, rows, document, judged)
    if data_docs is not None:
        context.build_data_docs()


def _set_data_docs(context: Any, folder: Path | None) -> None:
    for site in context.get_site_names():  # the default one, in a temporary folder
        context.delete_data_docs_site(site)
    if folder is None:
        return
    try:
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
    except OSError as error:
        raise BadInputError(f"{folder}: Data Docs can't be written ({error.strerror}); make it writable.") from error
    context.add_data_docs_site(
        site_name="targets",
        site_config={
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder.absolute())},
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        },
    )


def _frame(rows: Sequence[Measurement]) -> Any:
    import pandas as pd  # type: ignore[import-untyped]  # noqa: PLC0415 - as above

    return pd.DataFrame(
        [
            {"row": row.label, "scenario": row.scenario, "part": row.part, "endpoint": row.endpoint} | row.metrics
            for row in rows
        ]
    ).astype(dict.fromkeys(METRICS, float))


def _gx_suite(suite: Suite, rows: Sequence[Measurement]) -> Any:
    import great_expectations as gx  # noqa: PLC0415

    expectations = []
    for position, expectation in enumerate(suite.expectations):
        expectations.append(_gx_expectation(expectation, position))
        if expectation.column and any(metric(row, expectation.column) is None for row in rows):
            # Great Expectations ignores nulls; a target with nothing to judge must not count as met.
            conditions = {key: expectation.kwargs[key] for key in _CONDITIONS if key in expectation.kwargs}
            raw = expectation.raw | {"type": _NOT_NULL, "kwargs": {"column": expectation.column, **conditions}}
            expectations.append(_gx_expectation(Expectation(expectation.path, expectation.number, raw), position))
    return gx.ExpectationSuite(name=suite.name, expectations=expectations, notes=suite.notes)


def _gx_expectation(expectation: Expectation, position: int) -> Any:
    from great_expectations.expectations.expectation_configuration import (  # noqa: PLC0415
        ExpectationConfiguration,
    )

    try:
        raw = expectation.raw | {"meta": (expectation.raw.get("meta") or {}) | {_POSITION: position}}
        return ExpectationConfiguration(**raw).to_domain_obj()
    except Exception as error:  # whatever its validation raises
        raise BadInputError(f"{expectation.location}: Great Expectations refuses it: {_one_line(error)}.") from error


def _one_line(error: object) -> str:
    return "; ".join(line.strip() for line in str(error).strip().splitlines() if line.strip()).rstrip(".")


def _find_misses(suite: Suite, rows: Sequence[Measurement], result: dict[str, Any], judged: Judged) -> None:
    configuration = result["expectation_config"]
    expectation = suite.expectations[configuration["meta"][_POSITION]]
    problem = _problem(result.get("exception_info") or {})
    if problem is not None:
        raise BadInputError(f"{expectation.location}: Great Expectations can't evaluate it: {_one_line(problem)}.")
    if result["success"]:
        return
    details = result["result"]
    labels = [index["row"] for index in details.get("unexpected_index_list") or []]
    missed = [row for row in rows if row.label in labels] if labels else rows
    for measurement in missed:
        if labels or "observed_value" not in details:
            observed = metric(measurement, expectation.column) if expectation.column else None
        else:  # an expectation of all rows together
            observed = details["observed_value"] if isinstance(details["observed_value"], int | float) else None
        judged.add(measurement.scenario, _miss(expectation, measurement.part, observed))


def _problem(info: dict[str, Any]) -> str | None:
    """What kept an expectation from being evaluated; Great Expectations has it for the whole, or for each metric."""
    for exception in [info, *(value for value in info.values() if isinstance(value, dict))]:
        if exception.get("raised_exception"):
            return str(exception.get("exception_message"))
    return None


def _miss(expectation: Expectation, part: str, observed: float | None) -> Finding:
    return Finding(
        code=FindingCode.TARGET_MISSED,
        severity=expectation.severity,
        part=part,
        metric=expectation.column,
        observed=observed,
        limit=expectation.limit_for(observed),
        parameters=TargetMissed(expectation=expectation.type, suite=expectation.path.name, bounds=expectation.bounds),
    )
