"""The names of services."""

import re

import pytest

from loadtasks.service_name import checked_name, file_name, service_at, slug


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://127.0.0.1:8000/", "127.0.0.1:8000"),
        ("http://API.example.com", "api.example.com:80"),
        ("https://api.example.com", "api.example.com:443"),
        ("https://api.example.com:443/V2/", "api.example.com:443/V2"),
        ("https://ada:secret@api.example.com/v2", "api.example.com:443/v2"),
        ("http://[::1]:81/v2", "[::1]:81/v2"),
        ("http://host:port", "http://host:port"),
    ],
)
def test_a_service_without_a_name_goes_by_host_port_and_path(url: str, name: str) -> None:
    assert service_at(url) == name


def test_a_name_is_kept_as_it_is_written_and_a_url_stands_for_its_service() -> None:
    assert checked_name(" Shop, staging (EU) ") == "Shop, staging (EU)"
    assert checked_name("https://api.example.com/v2") == "api.example.com:443/v2"
    assert checked_name("api.example.com:443/v2") == "api.example.com:443/v2"


def test_no_two_services_share_a_file_name() -> None:
    names = ["shop", "shop-", "-shop", "sh/op", "sh-op", "sh op", "SHOP", "Läden", "..", ".", "x" * 90, "x" * 91]
    files = [file_name(name) for name in names]
    assert file_name("shop") == "shop"
    assert len(set(files)) == len(names)
    for file in files:
        assert file.strip(".") == file
        assert "/" not in file


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shop", "shop"),
        ("Payments (EU)", "payments-eu"),
        ("127.0.0.1:8000/v2", "127-0-0-1-8000-v2"),
        ("Läden & Café", "laden-cafe"),
        ("商店", r"service-[0-9a-f]{8}"),
        ("-" * 200, r"service-[0-9a-f]{8}"),
        ("a" * 200, "a" * 80),
    ],
)
def test_a_slug_has_small_letters_digits_and_hyphens(name: str, expected: str) -> None:
    assert re.fullmatch(expected, slug(name))
    assert slug("商店") != slug("书店")
