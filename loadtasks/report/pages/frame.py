"""What surrounds a page: where it is served, who reads it, and how its templates are rendered."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from loadtasks.report.charts import browser, distribution, legend, phase_stack, run_history
from loadtasks.report.charts.states import state_of
from loadtasks.report.listings import render_changes
from loadtasks.report.pages.scenario import far_targets, metric_title, numbers_of
from loadtasks.report.pages.scenario_history import state_at
from loadtasks.report.sentences import phrases
from loadtasks.report.template_environment import new_environment
from loadtasks.results.judgement import MetricComparison
from loadtasks.results.regression import MovePlace
from loadtasks.units import MISSING, change

if TYPE_CHECKING:
    from jinja2 import Environment

STATIC = Path(__file__).parent / "static"
"""The style and the scripts, which every page loads from `PageFrame.base`."""
_PLACES = {
    MovePlace.PIPELINE: "the pipeline",
    MovePlace.COMMAND_LINE: "on the command line",
    MovePlace.PAGE: "on a page in Airflow",
    MovePlace.REQUIRED_ACTION: "in Required actions of Airflow",
}
_UNCHANGED = 0.005
"""A change that is smaller is written as ±0."""


@dataclass(frozen=True)
class PageFrame:
    """Where a page is served, and to whom."""

    base: str
    """The path below which all pages are, without a slash at its end."""
    airflow: str
    """The path of Airflow's own UI, without a slash at its end."""
    reader: str
    """The name of the user."""
    token: str = ""
    """What a form has to send along, so that no other site can make a reader decide (CSRF)."""

    def url(self, path: str, **query: object) -> str:
        """The address of a page: `url("/scenario", service="shop", scenario="dashboard.sustained")`."""
        given = {name: value for name, value in query.items() if value not in (None, "")}
        return f"{self.base}{quote(path)}{'?' if given else ''}{urlencode(given)}"

    def dag_run(self, dag_id: str, dag_run_id: str) -> str:
        """The address of a DAG run in Airflow's UI."""
        return f"{self.airflow}/dags/{quote(dag_id, safe='')}/runs/{quote(dag_run_id, safe='')}"


def render(template: str, frame: PageFrame, **data: Any) -> str:
    """A page as HTML. Everything in it is escaped."""
    return _environment().get_template(template).render(frame=frame, **data)


def change_of(comparison: MetricComparison | None) -> str:
    """A change in a table's cell: `+38 %`, `±0`; empty where there is nothing to compare with."""
    if comparison is None or comparison.ratio is None:
        return ""
    return "±0" if abs(comparison.ratio - 1) < _UNCHANGED else change(comparison.ratio)


@cache
def _environment() -> "Environment":
    from jinja2 import ChoiceLoader, PackageLoader  # noqa: PLC0415 - as in template_environment

    made = new_environment()
    made.loader = ChoiceLoader([PackageLoader("loadtasks.report.pages"), PackageLoader("loadtasks.report")])
    made.filters |= {
        "state": state_of,
        "compared": change_of,
        "changes": render_changes,
        "short_moment": phrases.moment,
        "day": phrases.day,
        "metric_title": metric_title,
        "run_state": state_at,
        "run_numbers": numbers_of,
        "far_targets": far_targets,
    }
    made.globals |= {"MISSING": MISSING, "versions": phrases.versions, "places": _PLACES, "legends": legend}
    made.globals |= {
        "chart_element": browser.chart_element,
        "history_specification": run_history.specification,
        "phase_specification": phase_stack.specification,
        "distribution_specification": distribution.specification,
    }
    return made
