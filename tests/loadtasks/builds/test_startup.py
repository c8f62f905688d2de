"""Two builds, started until both are healthy."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loadtasks.builds import held_build, startup
from loadtasks.builds.build import Build, BuildName, HowToStart
from loadtasks.builds.startup import BuildFailedError, StartedBuilds, started_builds, without_likely_secrets
from loadtasks.engine.http.probe import probe
from loadtasks.engine.net.target import Target
from loadtasks.errors import ExitCode
from loadtasks.redaction.redactor import Redactor
from tests.loadtasks.builds.serving import server_command
from tests.servers import free_port


def target_at(_name: BuildName, url: str) -> Target:
    return Target(url, health_path="/healthz")


@contextmanager
def started(tmp_path: Path, candidate: str, reference: str, timeout_s: float = 20.0) -> Iterator[StartedBuilds]:
    builds = (Build("candidate", candidate), Build("reference", reference))
    how = HowToStart(tmp_path / "logs", timeout_s=timeout_s)
    with started_builds(builds, how, target_at, Redactor(["hunter2-hunter2"])) as both:
        yield both


def refused(tmp_path: Path, candidate: str, reference: str, timeout_s: float = 20.0) -> BuildFailedError:
    with pytest.raises(BuildFailedError) as caught, started(tmp_path, candidate, reference, timeout_s):
        pass
    return caught.value


def test_both_run_on_ports_of_their_own_and_one_that_dies_is_noticed(tmp_path: Path) -> None:
    good = server_command(tmp_path)
    with started(tmp_path, good, f"timeout 2 sh -c '{good}'") as both:
        assert both.candidate.url != both.reference.url
        assert both.failures() == []
        until_s = time.monotonic() + 10
        while not both.failures() and time.monotonic() < until_s:
            time.sleep(0.05)
        (failure,) = both.failures()
    assert "the reference ended with exit code 124 while it was measured" in str(failure)
    assert failure.exit_code is ExitCode.INVALID


def test_a_candidate_that_ends_is_no_good_and_its_log_holds_no_secret(tmp_path: Path) -> None:
    error = refused(tmp_path, "echo password hunter2-hunter2; printf '\\033[31mred'; exit 3", "sleep 60")
    assert error.exit_code is ExitCode.NOT_GOOD
    first, *lines = str(error).split("\n")
    assert first.startswith("the candidate ended with exit code 3 before it was healthy; the end of its log (")
    assert lines == ["    password ***", "    [31mred"]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("using postgres://u:pw123@h/db", "using postgres://u:***@h/db"),
        ("API_TOKEN=abc123 debug=1", "API_TOKEN=*** debug=1"),
        ('{"password": "hunter2", "user": "me"}', '{"password": "***", "user": "me"}'),
        ("Authorization: Bearer abcdef", "Authorization: ***"),
        ("Listening on http://127.0.0.1:8000/x", "Listening on http://127.0.0.1:8000/x"),
    ],
)
def test_likely_secrets_of_a_log_are_hidden(line: str, shown: str) -> None:
    assert without_likely_secrets(line) == shown


def test_a_reference_that_ends_leaves_nothing_to_compare_with(tmp_path: Path) -> None:
    error = refused(tmp_path, "sleep 60", "exit 1")
    assert error.exit_code is ExitCode.INVALID
    assert "the reference ended with exit code 1" in str(error)
    assert "wrote nothing to its log" in str(error)


@pytest.mark.parametrize("unhealthy", [True, False])
def test_one_that_is_never_healthy_is_given_up(tmp_path: Path, unhealthy: bool) -> None:
    candidate = server_command(tmp_path, "STATUS=503") if unhealthy else "sleep 60"
    error = refused(tmp_path, candidate, server_command(tmp_path), timeout_s=1.5 if unhealthy else 0.3)
    assert error.exit_code is ExitCode.NOT_GOOD
    assert "the candidate is not healthy after " in str(error)
    assert ("GET /healthz responded 503" if unhealthy else "it takes no connection") in str(error)


def test_a_port_that_another_program_took_meanwhile_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ports = iter([1, free_port(), free_port()])
    monkeypatch.setattr(held_build, "free_port", lambda: next(ports))
    taken = "[ $PORT = 1 ] && { echo 'OSError: [Errno 98] Address already in use'; exit 1; };"
    command = f"{taken} {server_command(tmp_path)}"
    with started(tmp_path, command, server_command(tmp_path)) as both:
        assert both.candidate.url != "http://127.0.0.1:1"


def test_both_are_started_again_with_logs_of_their_own(tmp_path: Path) -> None:
    good = f"echo started; {server_command(tmp_path)}"
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "candidate-3.log.1").touch()
    with started(tmp_path, good, good) as both:
        first_logs = sorted((tmp_path / "logs").iterdir())
        before = {both.candidate.url, both.reference.url}
        first = list(both.held)
        both.start_again()
        assert not before & {both.candidate.url, both.reference.url}
        assert both.failures() == []
        assert all(
            probe(target, "/healthz", head_only=True).status == 200 for target in (both.candidate, both.reference)
        )
        for held in first:
            held.look()
            assert held.failure, "it is ended"
    assert [path.name for path in first_logs] == ["candidate.log", "reference.log"], "later ones are of another run"
    logs = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert logs == ["candidate-2.log", "candidate.log", "reference-2.log", "reference.log"]
    assert [(tmp_path / "logs" / name).read_text() for name in logs] == ["started\n"] * 4


@pytest.mark.parametrize(("name", "code"), [("candidate", ExitCode.NOT_GOOD), ("reference", ExitCode.INVALID)])
def test_a_build_that_does_not_start_again_is_said(tmp_path: Path, name: str, code: ExitCode) -> None:
    good = server_command(tmp_path)
    once = f"[ ! -e {tmp_path}/there ] || exit 7; touch {tmp_path}/there; {good}"
    with started(tmp_path, once if name == "candidate" else good, once if name == "reference" else good) as both:
        with pytest.raises(
            BuildFailedError, match="exit code 7 before it was healthy, when it was started again"
        ) as at:
            both.start_again()
        assert at.value.exit_code is code
        assert both.failures() == [at.value]


def test_a_build_that_ended_meanwhile_is_not_started_again(tmp_path: Path) -> None:
    good = server_command(tmp_path)
    with started(tmp_path, f"timeout 1 sh -c '{good}'", good) as both:
        until_s = time.monotonic() + 10
        while not both.failures() and time.monotonic() < until_s:
            time.sleep(0.05)
        with pytest.raises(BuildFailedError, match="the candidate ended with exit code 124 while it was measured"):
            both.start_again()
        assert len(both.failures()) == 1


def test_builds_that_are_ended_to_be_started_again_are_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = server_command(tmp_path)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with started(tmp_path, good, good) as both:
        monkeypatch.setattr(startup, "_wait_until_healthy", interrupted)
        with pytest.raises(KeyboardInterrupt):
            both.start_again()
        for held in both.held:
            held.end()
        assert both.failures() == []
