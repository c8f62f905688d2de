import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from app.config.model import DEFAULT_CRITERIA, Criteria
from tests.app.service import CRITERIA, Service

DOCUMENT = DEFAULT_CRITERIA.model_dump(mode="json")
HISTORY = f"{CRITERIA}/history"
WRITERS = 4


def document(number: int) -> dict:
    return DOCUMENT | {"time_limit_s": number}


def put(service: Service, number: int, **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return service.call("PUT", CRITERIA, json=document(number), headers=named)


def history(service: Service, **query: int) -> dict:
    response = service.get(HISTORY, params=query)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.fixture
def fresh(start) -> Iterator[Service]:
    return start()


def test_every_change_is_in_the_history_newest_first(fresh: Service):
    assert history(fresh) == {"items": [], "page": 1, "page_size": 20, "total": 0, "pages": 0}
    before = fresh.get(CRITERIA).headers["ETag"]
    first = put(fresh, 1).headers["ETag"]
    other = fresh.new_token(name="other")
    second = fresh.call("PUT", CRITERIA, json=document(2), token=other).headers["ETag"]
    newest, oldest = history(fresh)["items"]
    assert (oldest["etag_before"], oldest["etag_after"], oldest["changed_by"]) == (before, first, "test")
    assert (newest["etag_before"], newest["etag_after"], newest["changed_by"]) == (first, second, "other")
    assert (oldest["before"], oldest["after"]) == (DOCUMENT, document(1))
    assert (newest["before"], newest["after"]) == (document(1), document(2))
    assert newest["changed_at"] >= oldest["changed_at"]


def test_pages_of_the_history(fresh: Service):
    for number in range(1, 6):
        assert put(fresh, number).status_code == 200
    pages = [history(fresh, page=page, page_size=2) for page in (1, 2, 3, 4)]
    assert [[item["after"]["time_limit_s"] for item in page["items"]] for page in pages] == [[5, 4], [3, 2], [1], []]
    assert {(page["total"], page["pages"]) for page in pages} == {(5, 3)}
    for query in ({"page": 0}, {"page_size": 101}, {"colour": "red"}):
        assert fresh.get(HISTORY, params=query).status_code == 422


def test_only_a_client_that_has_seen_the_document_replaces_it(fresh: Service):
    seen = fresh.get(CRITERIA).headers["ETag"]
    assert put(fresh, 1, If_Match=seen).status_code == 200
    late = put(fresh, 2, If_Match=seen)
    assert (late.status_code, late.headers["Content-Type"]) == (412, "application/problem+json")
    current = fresh.get(CRITERIA)
    assert (current.json(), current.headers["ETag"]) == (document(1), late.headers["ETag"])
    assert history(fresh)["total"] == 1


def test_forms_of_if_match(fresh: Service):
    def etag() -> str:
        return fresh.get(CRITERIA).headers["ETag"]

    assert put(fresh, 1, If_Match="*").status_code == 200
    assert put(fresh, 2, If_Match=f'"x", {etag()}').status_code == 200
    assert put(fresh, 3, If_Match=etag()[:-1] + '-gzip"').status_code == 200
    assert put(fresh, 4).status_code == 200
    for refused in (f"W/{etag()}", '"x"', ""):
        assert put(fresh, 5, If_Match=refused).status_code == 412, refused
    assert put(fresh, 5, If_None_Match="*").status_code == 412
    assert put(fresh, 5, If_None_Match='"x"').status_code == 200


def test_of_many_changes_to_the_same_version_one_wins(fresh: Service):
    seen = fresh.get(CRITERIA).headers["ETag"]
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda number: put(fresh, number, If_Match=seen).status_code, range(1, 17)))
    assert sorted(statuses) == [200] + [412] * 15
    assert history(fresh)["total"] == 1


def test_a_bad_document_leaves_no_trace(fresh: Service):
    assert put(fresh, -1).status_code == 422
    assert history(fresh)["total"] == 0


def test_a_killed_service_has_every_acknowledged_change_and_no_half(start):
    service, acknowledged, enough = start(), [], threading.Event()

    def write(first: int) -> None:
        with requests.Session() as http:
            headers = {"Authorization": f"Bearer {service.token}"}
            for number in range(first, 10_000, WRITERS):
                try:
                    response = http.put(service.url + CRITERIA, json=document(number), headers=headers, timeout=20)
                except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                    return
                if response.status_code == 200:
                    acknowledged.append((number, response.headers["ETag"]))
                if len(acknowledged) >= 40:
                    enough.set()

    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(write, first) for first in range(1, WRITERS + 1)]
        assert enough.wait(20)
        service.kill()
        for writer in writers:
            writer.result(30)

    after = start()
    first = history(after, page_size=100)
    items = first["items"]
    for page in range(2, first["pages"] + 1):
        items += history(after, page=page, page_size=100)["items"]
    items.reverse()
    assert {(item["after"]["time_limit_s"], item["etag_after"]) for item in items} >= set(acknowledged)
    # At most one change of each writer was made and not acknowledged.
    assert len(items) <= len(acknowledged) + WRITERS
    assert [item["etag_before"] for item in items[1:]] == [item["etag_after"] for item in items[:-1]]
    assert [item["before"] for item in items[1:]] == [item["after"] for item in items[:-1]]
    current = after.get(CRITERIA)
    assert current.headers["ETag"] == items[-1]["etag_after"]
    assert Criteria.model_validate(current.json()).model_dump(mode="json") == items[-1]["after"]
