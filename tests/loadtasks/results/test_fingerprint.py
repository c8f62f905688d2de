import pytest

from loadtasks.results.fingerprint import Difference, Fingerprint, FingerprintField


def at(url: str) -> Fingerprint:
    return Fingerprint(
        scenario_hash="a",
        load={"model": "connections", "connections": 1},
        generator="c",
        processes=1,
        measurement_version=1,
        target_url=url,
        paired=False,
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_a_target_on_this_machine_is_the_same_on_whatever_port_it_was_started(host: str) -> None:
    assert at(f"http://{host}:40001/v2").unlike(at(f"http://{host}:40002/v2")) is None
    assert at(f"http://{host}:40001/v2").target_url == f"http://{host}/v2"
    assert at(f"http://{host}:40001").unlike(at(f"http://{host}:40001/v2")) is not None


def test_another_host_or_its_port_is_another_target() -> None:
    difference = at("http://api.example:8080").unlike(at("http://api.example:8081"))
    assert difference == Difference(
        field=FingerprintField.TARGET, now="http://api.example:8080", before="http://api.example:8081"
    )
