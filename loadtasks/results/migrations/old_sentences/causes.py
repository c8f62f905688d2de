"""Sentences of the most frequent causes."""

import re
from typing import Any

from loadtasks.results.migrations.old_sentences.found import (
    DURATION,
    SHARE,
    Found,
    Parse,
    Patterns,
    count,
    fixed,
    seconds,
    share,
    statuses,
)

_AMOUNT = (
    rf"(?P<share>{SHARE}) of the (?:growth \(from (?P<before>{DURATION}) to (?P<grown>{DURATION}) a request\)"
    rf"|time \((?P<now>{DURATION}) a request\))"
)
_DOUBTS = r"(?: \(not certain: (?P<doubts>.*)\))?"
_OF_ALL = rf"(?P<count>[\d,]+) of (?P<scheduled>[\d,]+) requests? \({SHARE}\)"
_SAMPLE = r"(?:, e\.g\. (?P<sample>.*?))?"
_PHASES = {
    "the database": "database_slow",
    "the cache itself": "cache_slow",
    "writing the answer": "serialisation_slow",
    "waiting for a database connection": "database_pool_exhausted",
}
_STATUS_CODES = {
    401: "token_rejected",
    403: "permission_missing",
    404: "path_not_found",
    502: "gateway_error",
    503: "target_unavailable",
    504: "gateway_error",
}
_STATUS_CLASSES = {3: "redirected", 4: "request_rejected", 5: "server_error"}
_FAILED = {
    "were cut off before the answer was whole: .*?": "connection_cut",
    "were refused a connection: .*?": "connection_refused",
    "found no way to the target": "target_unreachable",
    "got no connection in time: .*?": "connect_timeout",
    "failed in TLS": "tls_failed",
    "got an answer that is not HTTP": "response_malformed",
    "got an answer too large to be read": "response_too_large",
    "were answered with a wrong body or header: .*?": "check_failed",
}


def _step(match: re.Match[str], name: str) -> dict[str, Any]:
    return {
        "name": name,
        "now_s": seconds(match["grown"] or match["now"]),
        "before_s": seconds(match["before"]) if match["before"] else None,
        "share": share(match["share"]),
    }


def _doubts(match: re.Match[str]) -> list[dict[str, Any]]:
    doubts = []
    for text in (match["doubts"] or "").split("; "):
        few = re.fullmatch(r"means of only ([\d,]+) requests? are a matter of chance", text)
        covered = re.fullmatch(rf"only ({SHARE}) of the answers tell the target's phases", text)
        doubt: dict[str, Any] = {"requests": None, "share": None}
        if few is not None:
            doubts.append(doubt | {"code": "few_requests", "requests": int(count(few[1]))})
        elif covered is not None:
            doubts.append(doubt | {"code": "server_timing_incomplete", "share": share(covered[1])})
        elif text.startswith("the mean hardly rose"):
            doubts.append(doubt | {"code": "mean_unchanged"})
        elif text.startswith("the target's phases add up"):
            doubts.append(doubt | {"code": "phases_overlap"})
    return doubts


def _phase(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found:
    code = _PHASES.get(match["cause"], "phase_slow")
    parameters: dict[str, Any] = {"step": _step(match, f"server:{match['phase']}"), "doubts": _doubts(match)}
    if code == "database_pool_exhausted":
        parameters |= {
            "size": int(count(match["size"])) if match["size"] else None,
            "size_before": int(count(match["size_before"])) if match["size_before"] else None,
        }
    return Found(code, parameters)


def _named_step(code: str, name: str) -> Parse:
    return lambda match, _finding, _verdict: Found(code, {"step": _step(match, name), "doubts": _doubts(match)})


def _network_or_target(code: str, name: str) -> Parse:
    def parse(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found:
        connect = match["connect"]
        parameters = {
            "step": _step(match, name),
            "doubts": _doubts(match),
            "connect_s": seconds(connect) if connect else None,
            "network_excluded": connect is not None,
        }
        return Found(code, parameters)

    return parse


def _transfer(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found:
    size, before = match["larger"] or match["same"], match["size_before"]
    parameters = {
        "step": _step(match, "body"),
        "doubts": _doubts(match),
        "body_bytes": count(size) if size else None,
        "body_bytes_before": count(before) if before else None,
    }
    return Found("responses_larger" if match["larger"] else "transfer_slow", parameters)


def _busy(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found:
    parameters = {
        "step": _step(match, "waiting"),
        "doubts": _doubts(match),
        "waited": int(count(match["count"])),
        "scheduled": int(count(match["scheduled"])),
    }
    return Found("connections_busy", parameters)


def _failed(match: re.Match[str]) -> dict[str, Any]:
    return {
        "count": int(count(match["count"])),
        "scheduled": int(count(match["scheduled"])),
        "sample": match["sample"] or "",
    }


def _requests(code: str) -> Parse:
    return lambda match, _finding, _verdict: Found(code, _failed(match))


def _status(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found | None:
    status = int(match["status"])
    code = _STATUS_CODES.get(status) or _STATUS_CLASSES.get(status // 100)
    return Found(code, _failed(match) | {"status": status}) if code is not None else None


def _hang(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found:
    return Found("requests_hang", _failed(match) | {"p50_s": seconds(match["p50"])})


def _slow_tail(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found:
    parameters = {
        "p50_s": seconds(match["p50"]),
        "p95_s": seconds(match["p95"]),
        "phase": match["phase"] or "",
        "phase_max_s": seconds(match["longest"]) if match["longest"] else None,
    }
    return Found("slow_tail", parameters)


def _rejections(match: re.Match[str]) -> int | None:
    return int(count(match["counted"])) if match["counted"] else None


def _rate_limited(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found:
    parameters = {
        "throttled": int(count(match["throttled"])),
        "scheduled": int(count(match["scheduled"])),
        "statuses": statuses(match["statuses"]),
        "target_rejections": _rejections(match),
    }
    return Found("rate_limited", parameters)


def _without_retry_after(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found:
    parameters = {
        "count": int(count(match["count"])),
        "scheduled": int(count(match["scheduled"])),
        "expected": match["expected"] is not None,
        "target_rejections": _rejections(match) if match["expected"] is None else None,
    }
    return Found("rate_limit_without_retry_after", parameters)


def _unreadable(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found:
    return Found("target_metrics_unreadable", {"problem": match["problem"]})


def _stand_out(match: re.Match[str], _finding: dict[str, Any], _verdict: object) -> Found:
    rises = re.findall(r"(\S.*?) grew by ([\d,]+), ([\d,]+) in the baseline", match["rises"])
    counters = [
        {"series": series.removeprefix("; "), "now": count(now), "before": count(before)}
        for series, now, before in rises
    ]
    return Found("target_metrics_stand_out", {"counters": counters})


_COUNTED = r"(?:; the target itself counts (?P<counted>[\d,]+) rejections by its rate limit)?"
_CONNECT = (
    r"(?:; (?:the target itself|requests queue for a free worker), since connecting takes only "
    rf"(?P<connect>{DURATION}),.*?|; .*?)?"
)
PATTERNS: Patterns = [
    (re.compile(r"the cause can't be told from what was measured"), fixed("cause_unknown")),
    (re.compile(r"no phase was measured that could tell where the time goes"), fixed("no_phases")),
    (re.compile(r"Redis is down for the target, .*"), fixed("redis_down")),
    (
        re.compile(
            rf"(?P<cause>[^:]+): the target's phase (?P<phase>.+?) carries {_AMOUNT}"
            r"(?:; the target may have (?P<size>\d+) of them(?:, (?P<size_before>\d+) in the baseline)?)?"
            rf"{_DOUBTS}"
        ),
        _phase,
    ),
    (
        re.compile(rf"the target's own code, outside of the phases that it names: it carries {_AMOUNT}{_DOUBTS}"),
        _named_step("target_code_slow", "unnamed"),
    ),
    (
        re.compile(
            rf"time before the target begins to work, or on the way to it: it carries {_AMOUNT}{_CONNECT}{_DOUBTS}"
        ),
        _network_or_target("queue_before_target", "outside"),
    ),
    (
        re.compile(
            rf"time between the request and the first byte of its answer: it carries {_AMOUNT}{_CONNECT}{_DOUBTS}"
        ),
        _network_or_target("first_byte_slow", "first_byte"),
    ),
    (
        re.compile(
            rf"the transfer of the answer's body: it carries {_AMOUNT}"
            r"(?:; the answers are larger: (?P<larger>[\d,]+) bytes, (?P<size_before>[\d,]+) in the baseline"
            r"|; the answers are no larger \((?P<same>[\d,]+) bytes\), so .*?|; large answers can't be told .*?)?"
            rf"{_DOUBTS}"
        ),
        _transfer,
    ),
    (
        re.compile(
            rf"too few connections for this load: waiting for a free one carries {_AMOUNT}; {_OF_ALL} found all busy, "
            rf"since the target holds them longer than the load asks{_DOUBTS}"
        ),
        _busy,
    ),
    (
        re.compile(
            rf"few requests are slow, not all: half took at most (?P<p50>{DURATION}), but one in twenty "
            rf"(?P<p95>{DURATION}) or more"
            rf"(?:; the longest stay in the target's phase (?P<phase>.+) was (?P<longest>{DURATION}))?"
        ),
        _slow_tail,
    ),
    (
        re.compile(rf"[^:]+: {_OF_ALL} were answered (?P<status>\d{{3}})(?: [A-Z][\w ]*?)?{_SAMPLE}", re.DOTALL),
        _status,
    ),
    *((re.compile(rf"{_OF_ALL} {what}{_SAMPLE}", re.DOTALL), _requests(code)) for what, code in _FAILED.items()),
    (
        re.compile(
            rf"some requests hang: {_OF_ALL} got no answer in time{_SAMPLE}, while half of all took at most "
            rf"(?P<p50>{DURATION})",
            re.DOTALL,
        ),
        _hang,
    ),
    (
        re.compile(rf"the target is overloaded or stands still: {_OF_ALL} got no answer in time{_SAMPLE}", re.DOTALL),
        _requests("target_overloaded"),
    ),
    (
        re.compile(
            rf"the target can't keep up with this rate: {_OF_ALL} found no free connection within their patience, or "
            rf"never got their turn{_SAMPLE}",
            re.DOTALL,
        ),
        _requests("rate_beyond_capacity"),
    ),
    (
        re.compile(
            r"throttling, not slowness: (?P<throttled>[\d,]+) of (?P<scheduled>[\d,]+) requests? (?:was|were) "
            rf"throttled \((?P<statuses>.*?) with Retry-After\): the times are those of .*?{_COUNTED}"
        ),
        _rate_limited,
    ),
    (
        re.compile(
            rf"throttling, not slowness: {_OF_ALL} got 429 Too Many Requests \(without Retry-After\), which is a rate "
            rf"limit of the target(?P<expected>(?!))?{_COUNTED}"
        ),
        _without_retry_after,
    ),
    (
        re.compile(
            r"(?P<expected>a limit that doesn't say when to come again): "
            rf"{_OF_ALL} got 429 Too Many Requests without Retry-After"
        ),
        _without_retry_after,
    ),
    (re.compile(r"the target's own metrics can't be used: (?P<problem>.*)", re.DOTALL), _unreadable),
    (
        re.compile(r"the target's own metrics stand out, which need not be the cause: (?P<rises>.*)", re.DOTALL),
        _stand_out,
    ),
]
"""Whatever else was found stays a text."""
