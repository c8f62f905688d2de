"""How people make connections: the commands are Airflow's own."""

import shlex

import pytest

from loadtasks.airflow import TARGET_CONNECTION, how_to_connect
from loadtasks.airflow.how_to_connect import CONNECTIONS, command, how_to_make


@pytest.mark.parametrize("connection_id", CONNECTIONS)
def test_a_shell_reads_each_command_as_it_is_meant(connection_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(how_to_connect, "has_own_type", lambda: True)
    hint = CONNECTIONS[connection_id]
    words = shlex.split(command(connection_id, "scripts/airflow.sh"))
    assert words[:4] == ["scripts/airflow.sh", "connections", "add", connection_id]
    options = dict(zip(words[4::2], words[5::2], strict=True))
    assert options == {"--conn-type": hint.conn_type} | {f"--conn-{name}": value for name, value in hint.fields.items()}
    for value in hint.fields.values():
        assert value in how_to_make(connection_id)


def test_without_the_wheel_airflow_knows_no_type_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(how_to_connect, "has_own_type", lambda: False)
    said = how_to_make(TARGET_CONNECTION, "orders_api")
    assert "Connection ID orders_api, Connection Type generic, Host https://" in said
    assert "connections add orders_api --conn-type generic" in said
