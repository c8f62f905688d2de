"""How sentences of several areas state that a rate limit rejected requests."""

from collections.abc import Sequence

from loadtasks import units


def rejections(throttled: int, scheduled: int, statuses: Sequence[int] = ()) -> str:
    """How many requests a rate limit rejected: `40 of 120 requests were throttled (429 with Retry-After)`.

    `statuses`: those of 429 and 503 that the target responded with; empty where none is known.
    """
    if not throttled:
        return f"none of {units.plural(scheduled, 'request')} was throttled"
    verb = "was" if throttled == 1 else "were"
    seen = f" ({' or '.join(str(status) for status in statuses)} with Retry-After)" if statuses else ""
    return f"{units.count(throttled)} of {units.plural(scheduled, 'request')} {verb} throttled{seen}"
