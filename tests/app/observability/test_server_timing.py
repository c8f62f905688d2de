import re

import pytest
import requests

from tests.app.service import CRITERIA, SESSIONS, STATS, Service


def phases(response: requests.Response) -> dict[str, float]:
    header = response.headers["Server-Timing"]
    assert re.fullmatch(
        r"cache(;desc=(hit|wait|miss))?;dur=[\d.]+, pool;dur=[\d.]+, db;dur=[\d.]+, serialise;dur=[\d.]+, "
        r"total;dur=[\d.]+",
        header,
    ), header
    return {name: float(ms) for name, ms in re.findall(r"(\w+)(?:;desc=\w+)?;dur=([\d.]+)", header)}


@pytest.mark.parametrize("path", [STATS, SESSIONS])
def test_phases_are_parts_of_the_total(service: Service, path: str):
    service.start_session()  # what was kept of the dashboard is out of date
    found = phases(service.get(path))
    assert found["db"] > 0
    assert found["serialise"] > 0
    assert found["db"] + found["serialise"] <= found["total"] + 0.002  # each is rounded


@pytest.mark.parametrize("path", ["/version", "/nowhere", "/api/v1/nowhere", CRITERIA])
def test_every_response_has_the_phases(service: Service, path: str):
    assert phases(service.get(path))["total"] > 0


def test_without_database_access_its_phase_is_0(service: Service):
    assert phases(service.get("/version"))["db"] == 0


def test_a_cached_response_needs_no_database(service: Service):
    service.get(STATS)
    response = service.get(STATS)
    assert "cache;desc=hit;dur=" in response.headers["Server-Timing"]
    assert phases(response)["db"] == 0


def test_the_handshake_has_the_phases(service: Service):
    client = service.listen()
    assert "total;dur=" in client.getheaders()["server-timing"]
    client.close()
