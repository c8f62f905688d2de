"""What a run was compared with, in a few sentences for the whole run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from loadtasks.plain_text import plain
from loadtasks.report import sentences
from loadtasks.report.environment import environment_changes
from loadtasks.report.text import label
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import BaselineTooShort
from loadtasks.results.findings.other_run import RunAllowance
from loadtasks.results.findings.reference import Inconclusive
from loadtasks.results.judgement import Verdict
from loadtasks.units import plural, rough_span

_BASELINE = "the baseline (the median of the comparable earlier runs)"
_ALL = "all scenarios"
_MAX_NAMES = 20
"""How many scenarios are named that only the other file has."""
OF_THE_RUN = (
    FindingCode.BASELINE_TOO_SHORT,
    FindingCode.NOT_COMPARABLE,
    FindingCode.CLOCK_WENT_BACK,
    FindingCode.RUN_ALLOWANCE,
    FindingCode.OTHER_RUN_NOT_COMPARED,
)
"""What is shown here for all scenarios at once, and not with each of them."""


def comparison_summary(document: ResultsDocument) -> str:
    """What the scenarios were compared with, and why some were not.

    Findings that say the same of several scenarios make one sentence with the scenarios behind it.
    """
    valid = [result for result in document.scenarios if result.measurements and result.verdict is not Verdict.INVALID]
    compared: dict[str, list[str]] = {}
    reasons: dict[str, list[str]] = {}
    # A scenario of a paired run that can't be paired is part of no baseline; why, nobody asks.
    of_baselines = (FindingCode.BASELINE_TOO_SHORT, FindingCode.NOT_COMPARABLE)
    unsaid = (FindingCode.RUN_ALLOWANCE, *(of_baselines if document.run.reference_url is not None else ()))
    for result in document.scenarios if document.other_run is not None else valid:
        if result.comparisons:
            compared.setdefault(f"Compared with {_other(document, result)}", []).append(label(result.scenario))
        elif document.run.reference_url is not None and document.other_run is None:
            reasons.setdefault("Not compared with the reference", []).append(label(result.scenario))
        for finding in result.findings:
            if finding.code in OF_THE_RUN and finding.code not in unsaid:
                reason = plain(sentences.sentence(_in_general(finding, valid))).rstrip(".")
                reasons.setdefault(reason, []).append(label(result.scenario))
    if valid and not compared and not reasons:
        return "No earlier run to compare with."
    statements = [
        *(statement if len(compared) == 1 else f"{statement}: {', '.join(of)}" for statement, of in compared.items()),
        *_allowances(valid),
        *_with_scenarios(reasons, [label(result.scenario) for result in valid]),
        *environment_changes(valid),
        *_inconclusive(valid),
        *_only_in_other(document),
    ]
    return " ".join(f"{statement}." for statement in statements)


def _inconclusive(results: Sequence[ScenarioResult]) -> Iterator[str]:
    """How many scenarios a paired run could not decide, and how much longer that would take."""
    left = [
        [finding.parameters.more_s for finding in result.findings if isinstance(finding.parameters, Inconclusive)]
        for result in results
    ]
    undecided = [of_scenario for of_scenario in left if of_scenario]
    if not undecided:
        return
    known = [[more_s for more_s in of_scenario if more_s is not None] for of_scenario in undecided]
    statement = f"Inconclusive: {plural(len(undecided), 'scenario')}"
    if all(len(of_scenario) == len(all_of) for of_scenario, all_of in zip(known, undecided, strict=True)):
        statement += f", about {rough_span(sum(map(max, known)))} more of load would decide all"
    yield statement


def _in_general(finding: Finding, results: Sequence[ScenarioResult]) -> Finding:
    """The finding that stands for those of all scenarios which say nearly the same: by the least sensitive one."""
    own = finding.parameters
    if not isinstance(own, BaselineTooShort) or own.detectable is None:
        return finding
    alike = [
        other.parameters.detectable
        for result in results
        for other in result.findings
        if isinstance(other.parameters, BaselineTooShort)
        and other.parameters.missing_runs == own.missing_runs
        and other.parameters.detectable is not None
    ]
    return finding.model_copy(update={"parameters": own.model_copy(update={"detectable": max(alike)})})


def _allowances(results: Iterable[ScenarioResult]) -> Iterable[str]:
    """How much runs of one build are taken to differ: the largest allowance of each source, with its scenarios.

    Where all have the same source, the scenarios aren't named.
    """
    found: dict[tuple[str, str], list[tuple[str, RunAllowance]]] = {}
    for result in results:
        for finding in result.findings:
            if isinstance(own := finding.parameters, RunAllowance):
                found.setdefault((own.source, own.detail), []).append((label(result.scenario), own))
    for alike in found.values():
        allowances = [allowance for _, allowance in alike]
        detectable = [allowance.detectable for allowance in allowances if allowance.detectable is not None]
        largest = allowances[0].model_copy(
            update={
                "scale": max(allowance.scale for allowance in allowances),
                "runs": min(allowance.runs for allowance in allowances),
                "max_runs": max(allowance.max_runs for allowance in allowances),
                "detectable": max(detectable, default=None),
            }
        )
        in_general = Finding(code=FindingCode.RUN_ALLOWANCE, parameters=largest)
        statement = plain(sentences.sentence(in_general)).rstrip(".")
        yield statement if len(found) == 1 else f"{statement} ({', '.join(name for name, _ in alike)})"


def _only_in_other(document: ResultsDocument) -> Iterable[str]:
    """That scenarios of the other file are missing here, where some are."""
    names = [label(scenario) for scenario in document.only_in_other]
    if names:
        more = ", ..." if len(names) > _MAX_NAMES else ""
        yield f"Not in this file: {', '.join(names[:_MAX_NAMES])}{more}"


def reference_name(document: ResultsDocument) -> str:
    """The run's reference, by its version where it states one; empty where there is none."""
    url, version = document.run.reference_url, document.run.reference_version
    return plain(f"version {version} at {url}" if version else url or "")


def _with_scenarios(reasons: Mapping[str, Sequence[str]], valid: Sequence[str]) -> Iterable[str]:
    for reason, scenarios in reasons.items():
        yield f"{reason} ({_ALL if len(valid) > 1 and list(scenarios) == list(valid) else ', '.join(scenarios)})"


def _other(document: ResultsDocument, result: ScenarioResult) -> str:
    if document.other_run is not None:
        return f"run {plain(document.other_run)}"
    return f"the reference ({reference_name(document)})" if result.round_ratios else _BASELINE
