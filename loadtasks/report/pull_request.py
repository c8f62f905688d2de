"""The comment on a pull request: the verdict in one line, what changed in a table, why, and the rest counted.

Everything in a results file is taken as untrusted: it may come from the job of a pull request that anybody can open.
Whatever it holds is shown inert, and the length of the whole is bounded, with what is left out said.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from loadtasks import units
from loadtasks.report.changes import INCONCLUSIVE, Change, RunChanges, changes_of
from loadtasks.report.comparison_summary import comparison_summary
from loadtasks.report.findings import RenderedFinding, invalid_reasons
from loadtasks.report.headline import NO_TARGET, is_untargeted
from loadtasks.report.inert_text import MAX_NAME, code, inert, link
from loadtasks.report.verdicts import SYMBOL
from loadtasks.results.document import ResultsDocument
from loadtasks.results.judgement import Verdict, overall
from loadtasks.service_name import service_at
from loadtasks.verdict.reference.sequential_test import Rule

MAX_LENGTH = 60_000
"""Characters of a comment; GitHub takes 65,536, GitLab 1,000,000."""
MAX_DOCUMENTS = 10
_SHORT_SHA = 7
_WITHIN = Rule().relevant_effect
"""A paired scenario that is neither worse nor better is driven until a change of this size is ruled out."""
_RULE = "| --- | --- | --: | --: | --: | --- |"


@dataclass(frozen=True)
class CommentPlace:
    """Where a comment stands, as it is known from the trusted side, never from a results file."""

    key: str = "default"
    """Tells apart the comments of several pipelines on one pull request."""
    noun: str = "PR"
    """What people call a pull request there."""
    sha: str = ""
    """The commit that was measured; empty where it isn't known."""
    report_url: str = ""
    """The page that has the whole report among its artifacts; empty where there is none."""


@dataclass(frozen=True)
class _Limits:
    """How much of a document is shown."""

    rows: int
    details: int
    lines: int


_LIMITS = (_Limits(20, 40, 10), _Limits(10, 10, 5), _Limits(5, 0, 2), _Limits(1, 0, 0), _Limits(0, 0, 0))
"""From much to little: the first that keeps the comment within its length is taken."""


def marker(key: str) -> str:
    """The hidden first line by which a comment is found again: an HTML comment, whatever the key is."""
    name = re.sub(r"[^A-Za-z0-9._]+", "-", key).strip("-")[:40]
    return f"<!-- loadtasks: {name}-{hashlib.sha256(key.encode()).hexdigest()[:8]} -->"


def outline(document: ResultsDocument) -> str:
    """The same of one run without what makes a comment of it: verdict, changes, causes."""
    found = changes_of(document)
    parts = [f"### {_title([document], [found], [])}", *_body(document, found, CommentPlace(noun="run"), _LIMITS[0])]
    return "\n\n".join([*parts, _how(document)])


def render(documents: Sequence[ResultsDocument], place: CommentPlace, problems: Sequence[str] = ()) -> str:
    """The text of a comment.

    Args:
        documents: The runs, one or several.
        place: What is known of the pull request.
        problems: Results that there should be and are not, a clause each.
    """
    for limits in _LIMITS:
        text = "\n\n".join(_parts(documents[:MAX_DOCUMENTS], place, problems, limits)) + "\n"
        if len(text) <= MAX_LENGTH:
            break
    return text


def _parts(
    documents: Sequence[ResultsDocument], place: CommentPlace, problems: Sequence[str], limits: _Limits
) -> Iterator[str]:
    changes = [changes_of(document) for document in documents]
    yield f"{marker(place.key)}\n### {_title(documents, changes, problems)}"
    for document, found in zip(documents, changes, strict=True):
        if len(documents) > 1:
            name = code(_service(document) or document.run.id)
            yield f"#### {SYMBOL[document.verdict]} {name}: {_tally(document, found)}"
        yield from _body(document, found, place, limits)
    yield from (f"No result: {inert(problem)}." for problem in problems[:MAX_DOCUMENTS])
    if footer := _footer(documents, place):
        yield footer


def _title(documents: Sequence[ResultsDocument], changes: Sequence[RunChanges], problems: Sequence[str]) -> str:
    """`▲ Performance: 1 of 14 scenarios regressed`."""
    if not documents:
        return f"{SYMBOL[Verdict.INVALID]} Performance: no result"
    verdicts = [document.verdict for document in documents]
    verdict = overall([*verdicts, *([Verdict.INVALID] if problems else [])])
    name = _service(documents[0]) if len(documents) == 1 else ""
    of = f" of {code(name)}" if name else ""
    if len(documents) == 1:
        said = _tally(documents[0], changes[0])
        if lost := len(_without_reference(documents[0])):
            said += f", {lost} could not be compared"
    else:
        bad, number = sum(not verdict.good for verdict in verdicts), len(documents)
        said = (
            f"{bad} of {number} runs {'is' if bad == 1 else 'are'} not good" if bad else f"all {number} runs are good"
        )
    symbol = SYMBOL[verdict]
    if verdict.good and any(map(_without_reference, documents)):
        symbol = SYMBOL[Verdict.INVALID]
    elif verdict is Verdict.PASS and all(found.undecided and not found.unchanged for found in changes):
        symbol = INCONCLUSIVE
    return f"{symbol} Performance{of}: {said}" + (", results are missing" if problems else "")


def _without_reference(document: ResultsDocument) -> dict[str, str]:
    """Why scenarios could not be compared with the reference, which was lost or is no yardstick, by their names."""
    rendered = (
        RenderedFinding(result, problem)
        for result in document.scenarios
        if (problem := result.reference_problem) is not None
    )
    return {finding.label: finding.sentence for finding in rendered}


def _is_paired(document: ResultsDocument) -> bool:
    return document.other_run is None and any(result.round_ratios for result in document.scenarios)


def _service(document: ResultsDocument) -> str:
    """The name that somebody gave the service; empty where it goes by its address, which says nothing here."""
    service = document.run.service
    return "" if service == service_at(document.run.target_url) else service


def _tally(document: ResultsDocument, found: RunChanges) -> str:
    """How the scenarios fared, what decides first: `1 of 14 scenarios regressed, 2 inconclusive`."""
    total = len({result.scenario for result in document.scenarios} | set(document.run.scenarios))
    if not total:
        return "no scenario was planned"
    invalid = len(invalid_reasons(document))
    if invalid >= total:
        return "no scenario could be measured"
    number = {verdict: sum(result.verdict is verdict for result in document.scenarios) for verdict in Verdict}
    counts = [
        (number[Verdict.FAIL], "missed its target", "missed their targets"),
        (number[Verdict.REGRESSED], "regressed", "regressed"),
        (invalid, "invalid", "invalid"),
        (number[Verdict.IMPROVED], "improved", "improved"),
        (len(found.undecided), "inconclusive", "inconclusive"),
    ]
    said = [(count, one if count == 1 else several) for count, one, several in counts if count]
    of = units.plural(total, "scenario")
    if number[Verdict.PASS] == total:
        undecided = len(found.undecided)
        if not undecided and not found.unchanged:
            return f"{of} met {'its' if total == 1 else 'their'} targets"
        if undecided == total:
            return f"{of}, inconclusive"
        return f"{of}, none regressed{f', {undecided} inconclusive' if undecided else ''}"
    (first, what), *others = said
    return ", ".join([f"{first} of {of} {what}", *(f"{count} {what}" for count, what in others)])


def _body(document: ResultsDocument, found: RunChanges, place: CommentPlace, limits: _Limits) -> Iterator[str]:
    if is_untargeted(document):
        yield f"{NO_TARGET[:1].upper()}{NO_TARGET[1:]}: only the built-in ones were judged."
    if found.changes:
        yield _table(document, found.changes, place, limits.rows)
    if reasons := invalid_reasons(document):
        yield "Invalid, so nothing is claimed about:"
        yield _list(_by_reason(reasons), limits.lines)
    if lost := _without_reference(document):
        yield "Met their targets, and could not be compared:" if document.verdict.good else "Could not be compared:"
        yield _list(_by_reason(lost), limits.lines)
    if found.causes:
        yield "Causes:"
        yield _list((f"{code(cause.label)}: {_cause(cause)}" for cause in found.causes), limits.lines)
    counted = _counted(document, found)
    details = [*_details(found, document, place, limits.details)] if limits.details else []
    if details:
        inner = "\n\n".join(details)
        is_all = found.undecided and not (found.changes or found.unchanged)
        yield f"<details{' open' if is_all else ''}>\n<summary>{counted or 'More'}</summary>\n\n{inner}\n\n</details>"
    elif counted:
        yield f"{counted}."
    if found.uncompared and limits.lines:
        yield inert(comparison_summary(document), 1_000)


def _table(document: ResultsDocument, changes: Sequence[Change], place: CommentPlace, most: int) -> str:
    """What changed, a row a metric; how many rows are left out is said below."""
    paired = _is_paired(document)
    base = "base" if paired else "baseline"
    interval = "95 % CI" if not paired and document.other_run is None else "CI"
    heads = ("scenario", "metric", base, _whole(f"this {place.noun}"), f"change {_whole(f'({interval})')}", "")
    lines = [f"| {' | '.join(heads)} |", _RULE]
    lines += [_row(change) for change in changes[:most]]
    if len(changes) > most:
        more = f"and {units.plural(len(changes) - most, 'more row')}, which the report has"
        return "\n".join(lines) + f"\n\n… {more}." if most else f"{more[4:].capitalize()}."
    return "\n".join(lines)


def _row(change: Change) -> str:
    cells = (
        code(change.scenario),
        inert(change.label, MAX_NAME),
        _whole(units.value(change.metric, change.before)),
        _whole(units.value(change.metric, change.now)),
        " ".join(filter(None, (_whole(change.change), change.interval and f"({_whole(change.interval)})")))
        or units.MISSING,
        inert(" ".join([change.marks, ", ".join(filter(None, (change.target, change.cause)))]).strip()),
    )
    return f"| {' | '.join(cells)} |"


def _whole(text: str) -> str:
    """A number with its unit, which no narrow column breaks."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def _by_reason(reasons: dict[str, str]) -> Iterator[str]:
    """Why scenarios are invalid, those with one reason together."""
    by_reason: dict[str, list[str]] = {}
    for scenario, reason in reasons.items():
        by_reason.setdefault(reason, []).append(scenario)
    for reason, scenarios in by_reason.items():
        yield f"{_names(scenarios)}: {inert(reason)}"


def _names(scenarios: Sequence[str], most: int = 5) -> str:
    more = f" and {len(scenarios) - most} more" if len(scenarios) > most else ""
    return ", ".join(code(scenario) for scenario in scenarios[:most]) + more


def _cause(cause: RenderedFinding) -> str:
    return inert(f"{cause.title.lower()}: {cause.sentence}. {cause.next_step}".strip())


def _list(lines: Iterable[str], most: int) -> str:
    every = [f"- {line}" for line in lines]
    more = [f"- … and {len(every) - most} more"] if len(every) > most else []
    return "\n".join([*every[:most], *more])


def _counted(document: ResultsDocument, found: RunChanges) -> str:
    """`11 unchanged within 5 %, 2 inconclusive (would need about 4 min more)`."""
    counts = []
    if found.unchanged:
        what = f"unchanged within {_WITHIN * 100:.0f} %" if _is_paired(document) else "as before"
        counts.append(f"{len(found.unchanged)} {what}")
    if found.undecided:
        more = f" (would need about {units.rough_span(found.more_s)} more)" if found.more_s is not None else ""
        counts.append(f"{len(found.undecided)} inconclusive{more}")
    if found.uncompared and counts:
        counts.append(f"{len(found.uncompared)} not compared")
    return ", ".join(counts)


def _details(found: RunChanges, document: ResultsDocument, place: CommentPlace, most: int) -> Iterator[str]:
    if found.inconclusive:
        yield _table(document, found.inconclusive, place, most)
    if found.unchanged and (found.changes or found.inconclusive):
        yield f"{'Unchanged' if _is_paired(document) else 'As before'}: {_names(found.unchanged, most)}."


def _footer(documents: Sequence[ResultsDocument], place: CommentPlace) -> str:
    """`Paired run, 60 rounds, 2 min 10 s. [Report](…) · updated for a1b2c3d`."""
    parts = []
    if len(documents) == 1:
        parts.append(_how(documents[0]))
    last = []
    if place.report_url:
        last.append(link("Report", place.report_url))
    if place.sha:
        last.append(f"updated for {code(place.sha[:_SHORT_SHA])}")
    return " ".join([*parts, " · ".join(last)]).strip()


def _how(document: ResultsDocument) -> str:
    took = f", {units.span(document.run.took_s)}" if document.run.took_s is not None else ""
    if document.other_run is not None:
        return f"Run {code(document.run.id)} compared with run {code(document.other_run)}."
    if document.run.reference_url is None:
        return f"Run {code(document.run.id)}{took}."
    rounds = sorted({len(part.saturated) for result in document.scenarios for part in result.round_ratios[:1]})
    if not rounds:
        return f"Paired run{took}."
    said = units.plural(rounds[-1], "round") if len(rounds) == 1 else f"{rounds[0]} to {rounds[-1]} rounds a scenario"
    return f"Paired run, {said}{took}."
