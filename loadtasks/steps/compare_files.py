"""Two results files compared, with what this machine knows of how much its runs differ."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from loadtasks.errors import LoadTasksError
from loadtasks.measurement.model import Measurement
from loadtasks.results.document import ResultsDocument, read_document
from loadtasks.results.findings.other_run import AllowanceSource
from loadtasks.results.fingerprint import Fingerprint
from loadtasks.results.present_database import PresentSeries, database_name, read_present_series
from loadtasks.results.regression import Regression
from loadtasks.results.series import MetricSeries, SeriesPoint
from loadtasks.steps.run_context import RunContext
from loadtasks.verdict.compare_documents import compare_documents
from loadtasks.verdict.file_pairs import PastRuns
from loadtasks.verdict.history.comparison import without_fixed


def compare_files(context: RunContext, results: Path, baseline: Path) -> ResultsDocument:
    """The run of one results file compared with that of another.

    The results database that the settings name is read where there is one, for the allowance of how much runs of one
    build differ. It is never needed: where it can't be read, the comparison says so and allows for the prior.

    Raises:
        BadInputError: a file can't be read, or nothing in the one can be compared with the other.
    """
    document, other = read_document(results), read_document(baseline)
    past = read_past_runs(context.workspace.results_url, document, without=(document.run.id, other.run.id))
    past = replace(past, detail=context.redactor()(past.detail))
    return compare_documents(document, other, past, context.settings.sensitivity.min_effect)


def read_past_runs(results_url: str, document: ResultsDocument, without: Iterable[str]) -> PastRuns:
    """The runs in a results database that are comparable with each measurement of a document. Never fails.

    Args:
        results_url: SQLAlchemy URL of the results database.
        document: The run whose measurements are compared.
        without: The ids of runs that are left out: those whose difference is in question.
    """
    scenarios = [result.scenario for result in document.scenarios if result.measurements]
    try:
        present = read_present_series(results_url, document.run.service, scenarios)
        name = database_name(results_url)
    except LoadTasksError as error:
        return PastRuns(without=AllowanceSource.UNREADABLE_DATABASE, detail=str(error).rstrip("."))
    if present is None:
        return PastRuns(without=AllowanceSource.NO_DATABASE, detail=name)
    return PastRuns(comparable_runs(present, document, without), AllowanceSource.NO_COMPARABLE_RUNS, name)


def comparable_runs(
    present: PresentSeries, document: ResultsDocument, without: Iterable[str]
) -> dict[tuple[str, str], MetricSeries]:
    """The runs among these that are comparable with each measurement of a document, by scenario and part.

    Args:
        present: What a results database holds.
        document: The run whose measurements are compared.
        without: The ids of runs that are left out.
    """
    left_out = frozenset(without)
    measured = {
        (measurement.scenario, measurement.part): measurement
        for result in document.scenarios
        for measurement in result.measurements
    }
    return {
        key: _comparable(one, document, measured[key], present, left_out)
        for one in present.series
        if (key := (one.scenario, one.part)) in measured
    }


def _comparable(
    series: MetricSeries,
    document: ResultsDocument,
    measurement: Measurement,
    present: PresentSeries,
    left_out: frozenset[str],
) -> MetricSeries:
    """The runs of one series that show how much runs of one build differ, as this measurement was made."""
    like = without_fixed(series.like(Fingerprint.of(document.run, measurement)), present.regressions)
    points = [point for point in like.points if point.run_id not in left_out]
    for regression in present.regressions:
        if (regression.scenario, regression.part) != (series.scenario, series.part):
            continue
        if regression.accepted_automatically_in is not None:
            points = _since(points, regression)
        elif not regression.state.ended:
            points = _before(points, regression)
    return MetricSeries(series.scenario, series.part, points)


def _since(points: list[SeriesPoint], regression: Regression) -> list[SeriesPoint]:
    """The points from the first run of a regression on that was accepted automatically."""
    order = [point.run_id for point in points]
    return points[order.index(regression.first_run) :] if regression.first_run in order else points


def _before(points: list[SeriesPoint], regression: Regression) -> list[SeriesPoint]:
    """The points before the first run of a regression that has not ended: what came since is another build."""
    order = [point.run_id for point in points]
    return points[: order.index(regression.first_run)] if regression.first_run in order else points
