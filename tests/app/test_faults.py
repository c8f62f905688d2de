import pytest

from app.faults import Fault, parse_faults
from tests.app.service import environ_for, launch


def test_written_faults_are_read():
    assert parse_faults(" dashboard:slow=1.5s ; sessions:fail@0.5;config:cut;events:fail=401;") == [
        Fault("dashboard:slow=1.5s", "dashboard", "slow", delay_s=1.5),
        Fault("sessions:fail@0.5", "sessions", "fail", status=503, share=0.5),
        Fault("config:cut", "config", "cut"),
        Fault("events:fail=401", "events", "fail", status=401),
    ]
    assert parse_faults("config:slow=250ms")[0].delay_s == 0.25
    assert parse_faults("sessions:cpu=0.05ms@0.1") == [
        Fault("sessions:cpu=0.05ms@0.1", "sessions", "cpu", delay_s=0.00005, share=0.1)
    ]
    assert parse_faults("config:query=50ms") == [Fault("config:query=50ms", "config", "query", delay_s=0.05)]
    assert parse_faults("") == []


@pytest.mark.parametrize(
    "text",
    [
        "dashboard", "nowhere:cut", "dashboard:explode", "dashboard:slow", "dashboard:slow=3", "dashboard:slow=-1s",
        "dashboard:query", "dashboard:cpu", "dashboard:cpu=1", "dashboard:fail=200", "dashboard:fail=x",
        "dashboard:cut=1", "dashboard:cut@0", "dashboard:cut@1.1", "dashboard:cut@x",
    ],
)  # fmt: skip
def test_a_bad_fault_ends_the_start_with_one_sentence(text: str, tmp_path, database):
    with pytest.raises(ValueError, match=text.replace("=", ".")):
        parse_faults(text)
    if text != "nowhere:cut":
        return
    process = launch(environ_for(tmp_path, APP_FAULTS=text), tmp_path / "log")
    assert process.wait(20) == 1
    sentence = "APP_FAULTS=nowhere:cut: 'nowhere:cut' has none of the routes dashboard, sessions, config, events.\n"
    assert (tmp_path / "log").read_text() == sentence
