"""The Server-Timing header (W3C Server Timing, https://www.w3.org/TR/server-timing/)."""

from collections.abc import Iterator

_MOST_METRICS = 20
_LONGEST_NAME = 40


def server_timing(header: str) -> Iterator[tuple[str, float]]:
    """Name and duration (seconds) of each metric of a header that has one; a header from outside, so bounded."""
    for metric in header.split(",", _MOST_METRICS)[:_MOST_METRICS]:
        name, *parameters = metric.split(";")
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip().lower() == "dur":
                try:
                    seconds = float(value.strip().strip('"')) / 1e3
                except ValueError:
                    continue
                if 0 <= seconds < float("inf"):
                    yield name.strip()[:_LONGEST_NAME], seconds
