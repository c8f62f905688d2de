"""Which runs are comparable: what a runner that is another machine each time has to say of itself."""

import socket
from pathlib import Path

import pytest

from loadtasks import steps
from loadtasks.errors import BadInputError
from loadtasks.results.fingerprint import Fingerprint
from loadtasks.results.store import Store
from tests.measurements import measurement, run
from tests.servers import free_port
from tests.stored_runs import verdict_of
from tests.workspaces import context_of, remove_suites, root_workspace

SCENARIO = "root.get"


@pytest.mark.parametrize("named", [True, False])
def test_three_runs_on_three_host_names_and_ports_form_one_baseline_if_they_are_named_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    remove_suites(root_workspace(tmp_path, monkeypatch).expectations)
    if named:
        monkeypatch.setenv("LOADTASKS_GENERATOR", "ubuntu-24.04")
        monkeypatch.setenv("LOADTASKS_SERVICE", "shop-api")
    fingerprints = set()
    for number in range(3):
        monkeypatch.setattr(socket, "gethostname", lambda host=f"runner-{number}": host)
        context = context_of(target=f"http://127.0.0.1:{free_port()}")  # nobody listens, which is kept as a failure
        opened = steps.open_run(context, run_id=f"run-{number}", trigger="scheduled")
        measured = measurement(SCENARIO)
        with Store.open(context.workspace.results_url) as store:
            store.save_measurements(opened.id, SCENARIO, [measured])
            store.save_verdicts(opened.id, [verdict_of(SCENARIO, [])])
        steps.compare(context, opened.id)
        fingerprints.add(Fingerprint.of(opened, measured))
    with Store.open(context.workspace.results_url) as store:
        services = store.services()
        points = [len(series.points) for service in services for series in store.series(service)]
    assert (len(fingerprints), len(services), points) == ((1, 1, [3]) if named else (3, 3, [1, 1, 1]))


def test_two_services_of_one_slug_are_refused(tmp_path: Path) -> None:
    with Store.open(context_of(var=tmp_path).workspace.results_url) as store:
        store.open_run(run("run-1", service="Payments (EU)"))
    steps.check_slug(context_of(var=tmp_path, service="Payments (EU)"))
    steps.check_slug(context_of(var=tmp_path, service="payments"))
    with pytest.raises(BadInputError, match=r"'payments eu' has the short name payments-eu.*'Payments \(EU\)'"):
        steps.check_slug(context_of(var=tmp_path, service="payments eu"))
