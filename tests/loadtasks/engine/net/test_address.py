"""Where the bytes of a target's requests go."""

import pytest

from loadtasks.engine.net.address import Address
from loadtasks.engine.net.target import Target


@pytest.mark.parametrize(
    ("url", "host", "port", "encrypted"),
    [
        ("http://api.example", "api.example", 80, False),
        ("https://api.example/v1", "api.example", 443, True),
        ("http://[::1]:8000", "::1", 8000, False),
        ("https://127.0.0.1:8443", "127.0.0.1", 8443, True),
    ],
)
def test_the_address_of_a_target(url: str, host: str, port: int, encrypted: bool) -> None:
    address = Address.of(Target(url))
    assert (address.host, address.port, address.tls is not None) == (host, port, encrypted)
