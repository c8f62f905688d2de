"""Evaluates suites with Great Expectations, which nothing else of the pipeline imports: the import takes seconds.

Whatever Great Expectations raises about an expectation becomes the `problem` of its outcome.
"""

import io
import logging
import os
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from loadtasks.measurement.metrics import METRICS
from loadtasks.verdict.targets import conditions
from loadtasks.verdict.targets.lazy_import import import_lazily
from loadtasks.verdict.targets.rows import TargetRow
from loadtasks.verdict.targets.suites import Expectation, Suite

_FINDS_ROWS = {
    "result_format": "COMPLETE",
    "unexpected_index_column_names": ["row"],
    "include_unexpected_rows": False,
}
_CONDITIONS = ("row_condition", "condition_parser")
_NOT_NULL = "expect_column_values_to_not_be_null"
_ABOUT_NULLS = frozenset(
    {
        "expect_column_to_exist",
        "expect_column_values_to_be_null",
        "expect_column_proportion_of_non_null_values_to_be_between",
    }
)
"""Types that say themselves what a missing value means."""
_POSITION = "loadtasks_position"
"""Key in an expectation's meta: its position in the suite, since Great Expectations sorts the results by column."""


@dataclass(frozen=True)
class SuiteRows:
    """A suite, and the rows that it judges."""

    suite: Suite
    rows: tuple[TargetRow, ...]


@dataclass(frozen=True)
class Outcome:
    """What one expectation says of the rows of its suite."""

    expectation: Expectation
    applies_to: tuple[TargetRow, ...]
    """The rows that fulfil its condition, all of them where it has none."""
    condition: str | None = None
    """Its condition as a query of pandas; None where it has none."""
    problem: str | None = None
    """Why it could not be evaluated, in one line; None where it was."""
    missed: tuple[TargetRow, ...] = ()
    """The rows that don't meet it."""
    of_all_rows: bool = False
    """Whether it judges all rows together."""
    observed: float | None = None
    """What it saw of all rows together; None where it judges each, and where that is no number."""


@dataclass(frozen=True)
class Evaluation:
    """What all suites say."""

    outcomes: tuple[tuple[SuiteRows, tuple[Outcome, ...]], ...]
    """In the order of the work, and of the expectations in the file."""
    docs_problem: str | None = None
    """Why there are no Data Docs, where there should be; None where there are."""
    docs_unwritable: bool = False
    """Whether it is that their files can't be written, rather than something in a suite."""


def evaluate(work: Sequence[SuiteRows], run_name: str, data_docs: Path | None = None) -> Evaluation:
    """Evaluate suites, and build Data Docs in the folder `data_docs`, whose content is replaced."""
    with _quiet():
        return _evaluate(work, run_name, data_docs)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Great Expectations from writing to the terminal and from calling home."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):  # some of its expectations print
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _evaluate(work: Sequence[SuiteRows], run_name: str, data_docs: Path | None) -> Evaluation:
    import_lazily("scipy.stats")
    import great_expectations as gx  # noqa: PLC0415 - takes seconds: only where targets are judged
    from great_expectations.data_context.types.base import (  # noqa: PLC0415
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    # By itself it would make a site of Data Docs in a temporary folder, which not every container has.
    config = DataContextConfig(store_backend_defaults=InMemoryStoreBackendDefaults())
    context = gx.get_context(mode="ephemeral", project_config=config)
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_pandas("measurements")
    run_id = gx.RunIdentifier(run_name=run_name)
    outcomes = []
    for number, one in enumerate(work):
        again = any(one.suite.name == other.suite.name for other in work[:number])
        asset = source.add_dataframe_asset(f"{one.suite.name}-{number}" if again else one.suite.name)
        outcomes.append((one, tuple(_SuiteEvaluation(context, asset, run_id, one).outcomes())))
    if data_docs is not None:
        try:
            _build_data_docs(context, data_docs)
        except OSError as error:
            problem = f"{error.filename or data_docs}: {error.strerror or error}"
            return Evaluation(tuple(outcomes), _one_line(problem), docs_unwritable=True)
        except Exception as error:  # a page that can't be rendered is no reason to lose the verdict
            return Evaluation(tuple(outcomes), _one_line(error))
    return Evaluation(tuple(outcomes))


class _SuiteEvaluation:
    """One suite on its way through Great Expectations."""

    def __init__(self, context: Any, asset: Any, run_id: Any, work: SuiteRows) -> None:
        self._context, self._run_id = context, run_id
        self._batches = asset.add_batch_definition_whole_dataframe("run")
        self._suite, self._rows = work.suite, work.rows
        self._frame = _frame(work.rows)
        self._conditions: dict[int, str] = {}
        self._applies_to: dict[int, tuple[TargetRow, ...]] = {}
        self._problems: dict[int, str] = {}

    def outcomes(self) -> Iterator[Outcome]:
        """The outcome of each expectation, in the order of the file."""
        built = {position: self._built(position) for position in range(len(self._suite.expectations))}
        results = self._results([gx_expectation for several in built.values() for gx_expectation in several])
        for position, expectation in enumerate(self._suite.expectations):
            applied = Outcome(
                expectation,
                applies_to=self._applies_to.get(position, self._rows),
                condition=self._conditions.get(position),
                problem=self._problems.get(position),
            )
            yield applied if applied.problem is not None else _with_results(applied, results.get(position, []))

    def _built(self, position: int) -> list[Any]:
        """What Great Expectations evaluates for an expectation; nothing where no row fulfils its condition."""
        expectation = self._suite.expectations[position]
        try:
            built = [_gx_expectation(expectation, position)]
            rows = self._rows
            query = _query_of(built[0])
            if query is not None:
                conditions.check_harmless(query)
                self._conditions[position] = query
                rows = self._applies_to[position] = _fulfilling(query, self._rows, self._frame)
            given = {key: expectation.kwargs[key] for key in _CONDITIONS if key in expectation.kwargs}
            # Great Expectations ignores nulls; a target with nothing to judge must not count as met.
            built += [
                _gx_expectation(expectation, position, {"type": _NOT_NULL, "kwargs": {"column": column} | given})
                for column in (expectation.columns if expectation.type not in _ABOUT_NULLS else ())
                if not METRICS[column].may_be_missing and any(row.metrics[column] is None for row in rows)
            ]
        except Exception as error:  # whatever its validation and pandas raise
            self._problems[position] = _one_line(error)
            return []
        return built if rows else []

    def _results(self, expectations: list[Any]) -> dict[int, list[dict[str, Any]]]:
        """The results of each expectation, by its position. Those that raise are left out, with their problem kept."""
        if not expectations:
            return {}
        try:
            return self._validated(expectations)
        except Exception as error:  # whatever an expectation raises ends the whole suite
            if len(expectations) == 1:
                self._problems.setdefault(_position(expectations[0].meta), _one_line(error))
                return {}
        for expectation in expectations:
            self._try(expectation)
        left = [one for one in expectations if _position(one.meta) not in self._problems]
        if len(left) < len(expectations):
            return self._results(left)
        halves = len(left) // 2  # none raises alone: find those that do together
        return self._results(left[:halves]) | self._results(left[halves:])

    def _try(self, expectation: Any) -> None:
        try:
            batch = self._batches.get_batch({"dataframe": self._frame})
            batch.validate(expectation, result_format=_FINDS_ROWS).to_json_dict()
        except Exception as error:  # this is what is asked
            self._problems.setdefault(_position(expectation.meta), _one_line(error))

    def _validated(self, expectations: list[Any]) -> dict[int, list[dict[str, Any]]]:
        import great_expectations as gx  # noqa: PLC0415 - as above

        name = self._suite.name
        copies = [copy(expectation) for expectation in expectations]  # one may belong to a single suite
        suite = gx.ExpectationSuite(name=name, expectations=copies, notes=self._suite.notes)
        self._context.suites.add_or_update(suite)
        definition = gx.ValidationDefinition(name=name, data=self._batches, suite=suite)
        self._context.validation_definitions.add_or_update(definition)
        result = definition.run(
            batch_parameters={"dataframe": self._frame}, result_format=_FINDS_ROWS, run_id=self._run_id
        )
        found: dict[int, list[dict[str, Any]]] = {}
        documents: list[dict[str, Any]] = [outcome.to_json_dict() for outcome in result.results]
        for document in documents:
            found.setdefault(_position(document["expectation_config"]["meta"]), []).append(document)
        return found


def fulfilling(query: str, rows: tuple[TargetRow, ...]) -> tuple[TargetRow, ...]:
    """The rows that fulfil a query of pandas."""
    return _fulfilling(query, rows, _frame(rows))


def _fulfilling(query: str, rows: tuple[TargetRow, ...], frame: Any) -> tuple[TargetRow, ...]:
    fulfilled = frame.eval(query)
    if str(getattr(fulfilled, "dtype", "")) != "bool":
        raise ValueError(f"the condition {query!r} is neither true nor false of a row")
    labels = set(frame[fulfilled]["row"])
    return tuple(row for row in rows if row.label in labels)


def _query_of(gx_expectation: Any) -> str | None:
    """The query of pandas that is an expectation's condition; None where it has none."""
    from great_expectations.execution_engine.pandas_execution_engine import (  # noqa: PLC0415 - as above
        PandasExecutionEngine,
    )
    from great_expectations.expectations.row_conditions import PassThroughCondition  # noqa: PLC0415

    condition = getattr(gx_expectation, "row_condition", None)
    if not condition:
        return None
    if isinstance(condition, PassThroughCondition):
        return str(condition.pass_through_filter)
    return str(PandasExecutionEngine().condition_to_filter_clause(condition))


def _with_results(applied: Outcome, results: Sequence[dict[str, Any]]) -> Outcome:
    """An outcome with what the results of the expectation, and of the check that its values are there, say together."""
    missed: set[str] = set()
    observed, of_all_rows = None, False
    for result in results:
        problem = _problem(result.get("exception_info") or {})
        if problem is not None:
            return replace(applied, problem=_one_line(problem))
        if result["success"]:
            continue
        details = result["result"]
        labels = {index["row"] for index in details.get("unexpected_index_list") or []}
        if not labels:  # of all rows together
            of_all_rows = "observed_value" in details
            value = details.get("observed_value")
            observed = value if isinstance(value, int | float) and not isinstance(value, bool) else None
        missed |= labels or {row.label for row in applied.applies_to}
    return replace(
        applied,
        missed=tuple(row for row in applied.applies_to if row.label in missed),
        of_all_rows=of_all_rows,
        observed=observed,
    )


def _position(meta: dict[str, Any]) -> int:
    return int(meta[_POSITION])


def _problem(info: dict[str, Any]) -> str | None:
    """What kept an expectation from being evaluated; Great Expectations has it for the whole, or for each metric."""
    for exception in [info, *(value for value in info.values() if isinstance(value, dict))]:
        if exception.get("raised_exception"):
            return str(exception.get("exception_message"))
    return None


def _one_line(error: object) -> str:
    text = "; ".join(line.strip() for line in str(error).strip().splitlines() if line.strip()).rstrip(".")
    return text or type(error).__name__


def _gx_expectation(expectation: Expectation, position: int, changes: dict[str, Any] | None = None) -> Any:
    from great_expectations.expectations.expectation_configuration import (  # noqa: PLC0415 - as above
        ExpectationConfiguration,
    )

    raw = expectation.raw | {"meta": (expectation.raw.get("meta") or {}) | {_POSITION: position}}
    if changes is not None:
        raw = {key: value for key, value in raw.items() if key != "id"} | changes
    return ExpectationConfiguration(**raw).to_domain_obj()


def _frame(rows: Sequence[TargetRow]) -> Any:
    import pandas as pd  # type: ignore[import-untyped]  # noqa: PLC0415 - as above

    return pd.DataFrame([row.labels | dict(row.metrics) for row in rows]).astype(dict.fromkeys(METRICS, float))


def _build_data_docs(context: Any, folder: Path) -> None:
    """Build the Data Docs in place of what is in the folder; where that can't be done, none are left.

    Raises:
        OSError: they can't be written.
        Exception: whatever Great Expectations raises about a page.
    """
    _remove(folder)
    folder.mkdir(parents=True)
    context.add_data_docs_site(
        site_name="targets",
        site_config={
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder.absolute())},
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        },
    )
    try:
        context.build_data_docs()
    except Exception:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _remove(path: Path) -> None:
    """Remove a folder with its content, or what stands in its place; of a link only the link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
