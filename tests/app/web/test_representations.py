from collections.abc import Callable

import pytest
from requests import Response

from app.web.representations import MIN_GZIP_BYTES, prefers_gzip
from tests.app.service import CRITERIA, SESSIONS, STATS, Service

PLAIN = {"Accept-Encoding": "identity"}
PATHS = [STATS, CRITERIA, f"{SESSIONS}/1", SESSIONS]
ATTEMPTS = 50


def while_unchanged(service: Service, path: str, read: Callable[[str], Response]) -> tuple[Response, Response]:
    """A plain reading, and what `read` makes of its tag, of a document that stayed the same meanwhile.

    The sessions that other tests started move on, and cached statistics are computed anew.
    """
    for _ in range(ATTEMPTS):
        plain = service.get(path, headers=PLAIN)
        other = read(plain.headers["ETag"])
        if service.get(path, headers=PLAIN).headers["ETag"] == plain.headers["ETag"]:
            return plain, other
    raise AssertionError(f"{path} had another tag at each of {ATTEMPTS} readings")


@pytest.mark.parametrize("path", PATHS)
def test_a_document_that_the_client_has_is_not_sent_again(service: Service, path: str):
    first, second = while_unchanged(
        service, path, lambda tag: service.get(path, headers=PLAIN | {"If-None-Match": tag})
    )
    assert (second.status_code, second.content) == (304, b"")
    assert "Content-Type" not in second.headers
    for name in ("ETag", "Vary", "Cache-Control"):
        assert second.headers[name] == first.headers[name]
    assert first.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ("{}", 304), ("W/{}", 304), ('"x", W/"y", {}', 304), ("*", 304),
        ('"x"', 200), ('W/"x"', 200), ("", 200),
    ],
)  # fmt: skip
def test_forms_of_if_none_match(service: Service, form: str, status: int):
    etag = service.get(CRITERIA, headers=PLAIN).headers["ETag"]
    for method in ("GET", "HEAD"):
        response = service.call(method, CRITERIA, headers=PLAIN | {"If-None-Match": form.format(etag)})
        assert response.status_code == status


def test_another_document_has_another_tag(service: Service):
    one, other = (service.get(f"{SESSIONS}/{number}", headers=PLAIN).headers["ETag"] for number in (1, 2))
    assert one != other
    assert service.get(f"{SESSIONS}/2", headers=PLAIN | {"If-None-Match": one}).status_code == 200


def test_reading_with_if_match(service: Service):
    etag = service.get(CRITERIA, headers=PLAIN).headers["ETag"]
    statuses = [service.get(CRITERIA, headers=PLAIN | {"If-Match": tag}).status_code for tag in (etag, "*", '"x"')]
    assert statuses == [200, 200, 412]


@pytest.mark.parametrize("path", [STATS, SESSIONS])
def test_compressed_on_request(service: Service, path: str):
    packs = {"Accept-Encoding": "gzip"}
    again: list[Response] = []

    def read(_tag: str) -> Response:
        packed = service.get(path, headers=packs)
        again[:] = [service.get(path, headers=packs | {"If-None-Match": packed.headers["ETag"]})]
        return packed

    plain, packed = while_unchanged(service, path, read)
    assert (plain.headers.get("Content-Encoding"), packed.headers["Content-Encoding"]) == (None, "gzip")
    assert int(packed.headers["Content-Length"]) < len(plain.content) / 2
    assert packed.content == plain.content
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert (again[0].status_code, "Content-Encoding" in again[0].headers) == (304, False)


def test_a_small_document_stays_as_it_is(service: Service):
    response = service.get(CRITERIA, headers={"Accept-Encoding": "gzip"})
    assert len(response.content) < MIN_GZIP_BYTES
    assert "Content-Encoding" not in response.headers


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", False), ("gzip", True), ("GZIP", True), ("br, gzip;q=0.1", True), ("*", True), ("deflate", False),
        ("gzip;q=0", False), ("*, gzip;q=0", False), ("*;q=0", False), ("identity, gzip;q=0.5", False),
        ("identity;q=0.5, gzip;q=0.5", True), ("identity;q=0, gzip;q=0.1", True),
    ],
)  # fmt: skip
def test_preferences_in_accept_encoding(header: str, expected: bool):
    assert prefers_gzip(header) is expected


def test_without_a_token_there_is_no_304(service: Service):
    etag = service.get(STATS).headers["ETag"]
    for headers in ({"Authorization": "Bearer wrong"}, {"Authorization": ""}):
        assert service.get(STATS, headers=headers | {"If-None-Match": etag}).status_code == 401
