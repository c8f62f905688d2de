"""A run that is killed between its steps, and the checks of `tests.field.survival`, which does it all over a run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.field.survival.aftermath import examine, first_run
from tests.field.survival.site import Ended, Site
from tests.field.survival.target import NAMES, target
from tests.workspaces import remove_suites


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with target() as found:
        yield found


@pytest.fixture
def site(tmp_path: Path, url: str) -> Site:
    """A workspace with one good run."""
    made = Site(tmp_path / "site", url)
    made.make()
    remove_suites(made.folder / "expectations")
    first_run(made)
    return made


def test_a_run_that_is_killed_before_its_report_is_kept_and_the_next_one_is_good(site: Site) -> None:
    run = site.start(stage="report")
    run.when_reached(run.kill)
    account = examine(site, "killed", run.wait(), (-9,))
    assert (account.problems, account.stage) == ([], "report")
    assert account.kept == f"{len(NAMES)} of {len(NAMES)} measured"


def test_whatever_is_wrong_afterwards_is_found(site: Site) -> None:
    (site.tmp / "left").mkdir()
    output = "1/3 thing.first: 106 requests, 100 % good\n"
    ended = Ended(7, output, "Error: one\nError: two\nTraceback (most recent call last)", [123])
    problems = "\n".join(examine(site, "nothing", ended, (0, 1)).problems)
    for problem in (
        "exit code 7",
        "Traceback in its output",
        "several errors",
        "processes left: [123]",
        "measured and lost: thing.first",
        "left: tmp/left",
    ):
        assert problem in problems
