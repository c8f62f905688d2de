"""How sentences of several areas state that a rate limit rejected requests."""

from loadtasks import units
from loadtasks.results.findings.targets import Throttled

ASK_FOR_MORE = "ask for a higher limit, or send fewer requests per second"
"""What to do about a limit that was not to be met."""


def rejections(parameters: Throttled) -> str:
    """How many requests a rate limit rejected: `40 of 120 requests were throttled (429 with Retry-After)`."""
    throttled, scheduled, statuses = parameters.throttled, parameters.scheduled, parameters.statuses
    if not throttled:
        return f"none of {units.plural(scheduled, 'request')} was throttled"
    verb = "was" if throttled == 1 else "were"
    seen = f" ({' or '.join(str(status) for status in statuses)} with Retry-After)" if statuses else ""
    return f"{units.count(throttled)} of {units.plural(scheduled, 'request')} {verb} throttled{seen}"


def admitted_only(parameters: Throttled) -> str:
    """Whose response times are left: `the response times are those of the 80 admitted requests`."""
    admitted = parameters.scheduled - parameters.throttled
    number = "one" if admitted == 1 else units.count(admitted)
    return f"the response times are those of the {number} admitted request{'' if admitted == 1 else 's'}"
