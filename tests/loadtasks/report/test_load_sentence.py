"""Loads in words, from the data that measurements keep of them."""

import pytest

from loadtasks.report.load_sentence import load_sentence
from loadtasks.scenarios.files import read_scenarios
from loadtasks.scenarios.load_data import load_data
from tests.loadtasks.results.test_migrations import REVISION_0006

SENTENCES = {
    "every.requests": "100 requests, 4 workers",
    "every.lasting": "3 s, one after another, thinking 2 s",
    "every.spread_pauses": "9 requests, 2 workers, thinking 0.5 to 2 s (seed 4)",
    "every.random_pauses": "9 requests, 2 workers, thinking 1.5 s on average (exponential, seed 1)",
    "every.ramp": "workers from 2 to 3 in 2.5 s, 0 in 1 s",
    "every.steady": "33.3333 requests/s for 4 s",
    "every.poisson": "20 requests/s for 4 s, Poisson arrivals (seed 3)",
    "every.stages": "from 1 requests/s to 2/s in 3 s, 2e+06/s in 0.5 s",
    "every.opened": "4 connections at once, held until all are open",
    "every.held": "4 connections at once, held until all are open and 2 s longer",
    "every.events": "50 events at 25/s to 20 listeners",
    "every.events_steadily": "publishing 4 requests/s for 4 s, Poisson arrivals (seed 2), to 2 listeners",
    "every.events_in_stages": "publishing from 0 requests/s to 2/s in 3 s, to 2 listeners",
    "every.mixed": (
        "at the same time: list 100 requests, 4 workers; open 2 connections at once, held until all are open"
    ),
    "every.sockets": (
        "at the same time: one 4 connections at once, held until all are open; all 50 events at 25/s to 20 listeners"
    ),
}


@pytest.mark.parametrize(("name", "sentence"), SENTENCES.items())
def test_every_load_profile_has_a_sentence(name: str, sentence: str) -> None:
    assert load_sentence(load_data(read_scenarios(REVISION_0006)[name])) == sentence


def test_every_scenario_of_the_file_is_tried() -> None:
    assert list(read_scenarios(REVISION_0006)) == list(SENTENCES)


def test_a_paired_load_says_so() -> None:
    load = {"model": "closed", "workers": 2, "requests": 3, "paired": True}
    assert load_sentence(load) == "3 requests, 2 workers, in paired rounds with a reference"
