"""The Jinja2 environment in which the templates of the page and of the mail are rendered."""

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from loadtasks import units
from loadtasks.measurement.errors import ErrorCount
from loadtasks.measurement.metrics import metric_label
from loadtasks.measurement.model import Measurement
from loadtasks.plain_text import plain
from loadtasks.report import table
from loadtasks.report.comparison_summary import comparison_summary, reference_name
from loadtasks.report.environment import control_readings
from loadtasks.report.headline import headline
from loadtasks.report.load_sentence import load_sentence
from loadtasks.report.noise import emphasis
from loadtasks.report.percentiles import MARK, indicative_only, is_indicative
from loadtasks.report.sentences.validity import saturation_sentence
from loadtasks.report.text import sentence
from loadtasks.report.verdicts import SYMBOL, WORD, tally

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


@cache
def environment() -> "Environment":
    """The templates' environment: everything is escaped, and a missing name is an error.

    It is one for all that this process renders, since it keeps the templates compiled.
    """
    return new_environment()


@cache
def plain_text_environment() -> "Environment":
    """The environment of templates that make plain text, where there is nothing to escape."""
    return environment().overlay(autoescape=False)


def new_environment() -> "Environment":
    """An environment of its own for whoever adds to it, as the pages do; everything is escaped."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - reports alone need it

    made = Environment(
        loader=ChoiceLoader([PackageLoader("loadtasks.report"), PackageLoader("loadtasks.report", "pages/static")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "duration": units.duration,
        "span": units.span,
        "rate": units.rate,
        "share": units.share,
        "change": units.change,
        "count": units.count,
        "metric": metric_label,
        "value": lambda number, name: units.value(name, number),
        "moment": moment,
        "anchor": anchor,
        "symbol": SYMBOL.__getitem__,
        "word": WORD.__getitem__,
        "sentence": sentence,
        "indicative": _indicative,
        "saturation": saturation_sentence,
        "load": load_sentence,
        "error_name": _error_name,
        "of_part": _of_part,
        "plain": plain,
        "code": _code,
        "breakable": _breakable,
        "lower_first": lambda text: text[:1].lower() + text[1:],
    }
    made.globals |= {
        "table": table,
        "units": units,
        "MARK": MARK,
        "emphasis": emphasis,
        "headline": headline,
        "tally": tally,
        "comparison_summary": comparison_summary,
        "reference_name": reference_name,
        "control_readings": control_readings,
    }
    return made


def moment(when: datetime) -> str:
    """A time as `24 Nov 2026, 02:00 UTC`."""
    zone = when.tzname() or ""
    return f"{when:%-d %b %Y, %H:%M} {zone}".strip()


def anchor(scenario: str) -> str:
    """A scenario's id in the page."""
    return "scenario-" + "".join(c if c.isalnum() or c in "-_." else "-" for c in scenario)


def _code(text: str, style: str) -> "Markup":
    """A text as HTML, what stands between backticks in a style of its own; inline, since mails have no other."""
    from markupsafe import Markup, escape  # noqa: PLC0415 - as Jinja2, which needs it

    pieces = text.split("`")
    return Markup("").join(
        Markup('<span style="{}">{}</span>').format(style, piece) if number % 2 else escape(piece)
        for number, piece in enumerate(pieces)
    )


def _breakable(name: str) -> "Markup":
    """A name as HTML that may be broken after each dot, for narrow columns."""
    from markupsafe import Markup, escape  # noqa: PLC0415

    return Markup(".<wbr>").join(escape(piece) for piece in name.split("."))


def _indicative(measurement: Measurement, metric: str) -> str:
    return indicative_only(measurement, metric) if is_indicative(measurement, metric) else ""


def _error_name(error: ErrorCount) -> str:
    return f"publishing: {error.code}" if error.publishing else error.code


def _of_part(measurements: list[Measurement], part: str) -> Measurement | None:
    """The measurement of a part, or of the whole; None where there is none."""
    return next((measurement for measurement in measurements if measurement.part == part), None)
