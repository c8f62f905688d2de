"""The target and the reference that settings name."""

import pytest

from loadtasks.engine.net.target import Target
from loadtasks.settings import read_settings
from loadtasks.steps import configured_reference, configured_target
from loadtasks.verdict.reference.sequential_test import Rule
from loadtasks.workspace import Workspace
from tests.workspaces import context_of

pytestmark = pytest.mark.usefixtures("workspace")


def test_the_target_has_its_token_and_paths() -> None:
    settings = read_settings(target="http://127.0.0.1:1/", token="t", health_path="/up", metrics_path="/figures")
    assert configured_target(settings) == Target(
        "http://127.0.0.1:1", token="t", health_path="/up", metrics_path="/figures"
    )


def test_a_reference_has_a_token_of_its_own_or_the_targets() -> None:
    target = Target("http://127.0.0.1:1", token="t", health_path="/up")
    settings = read_settings()
    assert configured_reference(settings, target) is None
    reference = Target("http://127.0.0.1:2", token="t", health_path="/up", role="reference")
    assert configured_reference(settings, target, "http://127.0.0.1:2") == reference
    own = read_settings(reference="http://127.0.0.1:2", reference_token="r")
    assert configured_reference(own, target) == target.reference("http://127.0.0.1:2", "r")


def test_the_context_has_what_the_settings_say(workspace: Workspace) -> None:
    context = context_of(
        target="http://127.0.0.1:1", reference="http://127.0.0.1:2", processes=3, rounds=40, rounds_s=7.5
    )
    assert context.workspace == workspace
    assert (context.target.url, context.processes) == ("http://127.0.0.1:1", 3)
    assert context.reference == context.target.reference("http://127.0.0.1:2", None)
    assert (context.round_budget.rounds, context.round_budget.seconds) == (40, 7.5)


def test_by_default_the_sequential_test_can_use_all_its_rounds() -> None:
    assert context_of().round_budget.rounds == Rule().interim_analyses[-1]
