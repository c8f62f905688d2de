"""The trend of a metric as a small picture for a mail: no script, no style sheet, no request, light or dark."""

from dataclasses import replace

from loadtasks.report.charts import drawing, run_history
from loadtasks.report.charts.history import HistoryChart
from loadtasks.report.charts.theme import MAIL

WIDTH, HEIGHT = 560, 170
"""In CSS pixels; the picture has twice as many each way."""
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
    return drawing.pngs([run_history.still_specification(shown, MAIL, WIDTH, HEIGHT)])[0]
