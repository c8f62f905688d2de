"""The trend of a metric as a small picture for a mail: no script, no style sheet, no request, light or dark."""

import struct
import zlib
from dataclasses import replace

from loadtasks.report.charts import drawing, run_history
from loadtasks.report.charts.history import HistoryChart
from loadtasks.report.charts.theme import MAIL

WIDTH, HEIGHT = 440, 160
"""In CSS pixels; the picture has twice as many each way. Mails show it up to 560 wide, and on a phone 350, where labels
have to be read all the same."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXELS = b"IDAT"
MAX_RUNS = 60
"""The newest runs that are shown."""


def png(chart: HistoryChart) -> bytes | None:
    """The picture, of a transparent background, with colours that hold on white and on black.

    It shows the line, the baseline, change points and targets; `chart.description` is its alternative text.
    None where it can't be drawn: the mail has `sparkline.blocks` then.

    Args:
        chart: The history of a metric, of at least one point.
    """
    shown = replace(
        chart,
        points=[replace(point, low=None, high=None, repetitions=()) for point in chart.points[-MAX_RUNS:]],
        changes=[replace(change, label="") for change in chart.changes],  # the mail's sentence says how much
        versions=False,
    )
    drawn = drawing.pngs([run_history.still_specification(shown, MAIL, WIDTH, HEIGHT)])[0]
    return _compressed(drawn) if drawn is not None else None


def _compressed(picture: bytes) -> bytes:
    """The same PNG with half of its bytes: what draws it compresses fast rather than well."""
    chunks, place = [], len(_SIGNATURE)
    while place < len(picture):
        (length,) = struct.unpack_from(">I", picture, place)
        chunks.append((picture[place + 4 : place + 8], picture[place + 8 : place + 8 + length]))
        place += 12 + length
    pixels = zlib.decompress(b"".join(data for kind, data in chunks if kind == _PIXELS))
    written = [(kind, data) for kind, data in chunks if kind != _PIXELS]
    written.insert(-1, (_PIXELS, zlib.compress(pixels, level=9)))
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in written
    )
