"""Sentences about validity, and stored failures."""

import re
from typing import Any

from loadtasks.results.migrations.old_sentences.found import Found, Patterns, count, fixed, statuses

_FAILURES = (
    ("interrupted", re.compile(r"interrupted; nothing of this scenario was kept(?P<detail>)")),
    ("engine_failed", re.compile(r"the load engine failed: (?P<detail>.*); nothing of this scenario was kept")),
    (
        "target_stopped_responding",
        re.compile(
            r"the target stopped answering while .+? was measured; what it showed is kept, not judged: (?P<detail>.*)"
        ),
    ),
)
_PROCESS = re.compile(r"process (\d+): ")
_CPU = re.compile(r"used (\d+)% of a core \(limit (\d+)%\)")
_LAG = re.compile(r"(?P<observed>[\d,.]+) ms \((?P<statistic>p99|median), limit (?P<limit>[\d,.]+) ms")
_SENT = re.compile(r"at ([\d,]+) requests/s")
_CEILING = re.compile(r"of the ([\d,]+)/s that it can send")


def failure(sentence: str) -> tuple[str, str]:
    """A stored failure's code and detail."""
    for code, pattern in _FAILURES:
        match = pattern.fullmatch(sentence.rstrip("."))
        if match is not None:
            return code, match["detail"]
    return "measurement_failed", sentence


def _conservation(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found:
    return Found("conservation_violated", {name: int(number) for name, number in match.groupdict().items()})


def _nothing_admitted(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found:
    parameters = {
        "throttled": int(count(match["throttled"])),
        "scheduled": int(count(match["scheduled"])),
        "statuses": statuses(match["statuses"]),
    }
    return Found("everything_throttled", parameters)


def _not_reached(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found:
    return Found("target_not_reached", {"scheduled": int(count(match["scheduled"])), "sample": match["sample"]})


def _saturated(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found | None:
    sentence = match.string
    process, cpu, lag = _PROCESS.match(sentence), _CPU.search(sentence), _LAG.search(sentence)
    sent, ceiling = _SENT.search(sentence), _CEILING.search(sentence)
    if cpu is not None:
        signs = {"code": "cpu", "observed": int(cpu[1]) / 100, "limit": int(cpu[2]) / 100, "statistic": None}
    elif lag is not None:
        signs = {
            "code": "loop_lag" if "event loop" in sentence else "dispatch_lag",
            "observed": count(lag["observed"]) / 1e3,
            "limit": count(lag["limit"]) / 1e3,
            "statistic": lag["statistic"],
        }
    else:
        return None
    rates = {
        "sent_per_s": count(sent[1]) if sent else None,
        "ceiling_per_s": count(ceiling[1]) if ceiling else None,
        "process": int(process[1]) if process else None,
    }
    return Found("generator_saturated", {"saturation": signs | rates})


def _failed(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found:
    code, detail = failure(match.string)
    return Found(code, {"detail": detail})


PATTERNS: Patterns = [
    (re.compile(r"was not measured"), fixed("not_measured")),
    (re.compile(r"nothing was scheduled, so nothing was measured"), fixed("nothing_scheduled")),
    (
        re.compile(
            r"the conservation law is broken: (?P<scheduled>\d+) scheduled, but (?P<completed>\d+) completed \+ "
            r"(?P<throttled>\d+) throttled \+ (?P<failed>\d+) failed \+ (?P<dropped>\d+) dropped \+ "
            r"(?P<in_flight>\d+) in flight;.*"
        ),
        _conservation,
    ),
    (
        re.compile(
            r"none of (?P<scheduled>[\d,]+) requests? was admitted: (?P<throttled>[\d,]+) were throttled "
            r"\((?P<statuses>.*) with Retry-After\), so nothing was measured;.*"
        ),
        _nothing_admitted,
    ),
    (
        re.compile(r"none of (?P<scheduled>[\d,]+) requests? reached the target, e\.g\. (?P<sample>.*)", re.DOTALL),
        _not_reached,
    ),
    (re.compile(r"(?:process \d+: )?(?:the generator|requests got their turn).*"), _saturated),
    (re.compile(r".*", re.DOTALL), _failed),
]
