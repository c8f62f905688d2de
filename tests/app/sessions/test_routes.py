import json
import time
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.config.model import DEFAULT_CRITERIA
from app.sessions.listing import SORTS
from app.sessions.model import NewSession, SessionQuery
from app.sessions.queries import list_sessions, start_session
from app.storage.database import AppDatabase
from app.storage.models import OptimizationSession
from tests.app.service import SESSIONS, Service

pytestmark = pytest.mark.every_database

FIELDS = {
    "id", "model", "family", "parameters", "technique", "status", "progress", "size_reduction", "speedup",
    "accuracy_change", "failure", "created_at", "updated_at",
}  # fmt: skip


NEW_YEAR = "2026-01-01T00:00:00+00:00"


def word(parts: object) -> str:
    """A cursor with these parts."""
    return urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def listed(service: Service, **query) -> dict:
    response = service.get(SESSIONS, params=query)
    assert response.status_code == 200, response.text
    return response.json()


def test_first_page_is_the_newest(service: Service):
    page = listed(service)
    assert (page["page"], page["page_size"], len(page["items"])) == (1, 20, 20)
    assert page["total"] >= 5_000
    assert page["pages"] == -(-page["total"] // 20)
    assert all(set(item) == FIELDS for item in page["items"])
    created = [item["created_at"] for item in page["items"]]
    assert created == sorted(created, reverse=True)


def test_pages_tile_the_list(service: Service):
    query = {"sort": "created_at", "status": "cancelled"}
    whole = [item["id"] for item in listed(service, page_size=60, **query)["items"]]
    parts = [item["id"] for page in (1, 2, 3) for item in listed(service, page=page, page_size=20, **query)["items"]]
    assert parts == whole
    assert len(set(whole)) == 60


def test_last_page_holds_the_rest_and_later_ones_nothing(service: Service):
    query = {"status": "cancelled", "page_size": 100}
    first = listed(service, **query)
    last = listed(service, page=first["pages"], **query)
    assert len(last["items"]) == first["total"] - 100 * (first["pages"] - 1) > 0
    assert listed(service, page=first["pages"] + 1, **query)["items"] == []


@pytest.mark.parametrize(
    ("name", "value"), [("status", "failed"), ("status", "queued"), ("technique", "pruning"), ("model", "vit-base-16")]
)
def test_filters(service: Service, name: str, value: str):
    page = listed(service, page_size=100, **{name: value})
    assert {item[name] for item in page["items"]} == {value}
    assert 0 < page["total"] < 5_000


def test_filters_add_up_to_the_whole(service: Service):
    query = {"status": "cancelled", "model": "t5-small"}
    techniques = ("quantization", "pruning", "distillation", "factorization", "compilation")
    parts = [listed(service, technique=technique, **query)["total"] for technique in techniques]
    assert all(parts)
    assert sum(parts) == listed(service, **query)["total"]


def test_unknown_model_has_no_sessions(service: Service):
    assert listed(service, model="nobody") == {
        "items": [],
        "page": 1,
        "page_size": 20,
        "total": 0,
        "pages": 0,
        "next": None,
    }


def test_created_range_includes_its_start_and_not_its_end(service: Service):
    items = listed(service, sort="created_at", status="cancelled", page_size=3)["items"]
    first, second, third = (item["created_at"] for item in items)
    found = listed(service, sort="created_at", status="cancelled", created_from=first, created_to=third)["items"]
    assert [item["created_at"] for item in found] == [first, second]


def test_created_range_of_a_day(service: Service):
    day = datetime.now(UTC).date() - timedelta(days=3)
    page = listed(service, created_from=str(day), created_to=str(day + timedelta(days=1)), page_size=100)
    assert {item["created_at"][:10] for item in page["items"]} == {str(day)}


@pytest.mark.parametrize("field", ["created_at", "updated_at", "size_reduction", "speedup", "accuracy_change"])
def test_sorts(service: Service, field: str):
    query = {"status": "completed", "page_size": 100, "created_to": str(datetime.now(UTC).date())}
    up = [item[field] for item in listed(service, sort=field, **query)["items"]]
    down = [item[field] for item in listed(service, sort=f"-{field}", **query)["items"]]
    assert up == sorted(up)
    assert down == sorted(down, reverse=True)
    assert up[-1] < down[-1]


@pytest.mark.parametrize("field", ["size_reduction", "speedup", "accuracy_change"])
def test_sessions_without_a_value_come_lowest(service: Service, field: str):
    up, down = (listed(service, sort=sort, page_size=100)["items"] for sort in (field, f"-{field}"))
    assert {item[field] for item in up} == {None}
    assert None not in {item[field] for item in down}
    assert [item["id"] for item in up] == sorted(item["id"] for item in up)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"page": 0}, "page"),
        ({"page": "x"}, "page"),
        ({"page_size": 101}, "page_size"),
        ({"status": "done"}, "status"),
        ({"technique": "magic"}, "technique"),
        ({"created_from": "yesterday"}, "created_from"),
        ({"created_from": "2026-02-02", "created_to": "2026-02-01"}, "created_from"),
        ({"sort": "colour"}, "sort"),
        ({"colour": "red"}, "colour"),
        ({"cursor": ""}, "cursor"),
        ({"cursor": "é"}, "cursor"),
        ({"cursor": "x" * 300}, "cursor"),
        ({"cursor": word(1)}, "cursor"),
        ({"cursor": word(["-created_at", "2026-01-01", 1])}, "cursor"),
        ({"cursor": word(["-created_at", 1.5, 1])}, "cursor"),
        ({"cursor": word(["-created_at", NEW_YEAR, 2**63])}, "cursor"),
        ({"cursor": word(["-created_at", NEW_YEAR, "1"])}, "cursor"),
        ({"cursor": word(["created_at", NEW_YEAR, 1])}, "cursor"),
        ({"cursor": word(["-speedup", float("nan"), 1]), "sort": "-speedup"}, "cursor"),
        ({"cursor": word(["-created_at", NEW_YEAR, 1]), "page": 2}, "cursor"),
    ],
)
def test_bad_queries_name_the_parameter(service: Service, query: dict, field: str):
    response = service.get(SESSIONS, params=query)
    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert [error["field"] for error in response.json()["errors"]] == [field]


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("field", SORTS)
def test_cursors_neither_repeat_nor_miss_a_session_while_others_are_added(database: AppDatabase, sign: str, field: str):
    with database.read() as connection:
        before = connection.scalars(select(OptimizationSession.id)).all()
    query = {"sort": sign + field, "page_size": 7}
    page = list_sessions(database, SessionQuery.model_validate(query))
    seen = [item["id"] for item in page["items"]]
    while page["next"]:
        start_session(database, NewSession(model="bert-base", technique="pruning"))
        page = list_sessions(database, SessionQuery.model_validate(query | {"cursor": page["next"]}))
        seen += [item["id"] for item in page["items"]]
    assert len(seen) == len(set(seen))
    assert set(before) <= set(seen)


def test_cursors_give_the_list_that_pages_give(service: Service):
    query = {"sort": "-speedup", "status": "cancelled", "model": "t5-small", "page_size": 10}
    pages = [listed(service, page=number, **query)["items"] for number in (1, 2, 3)]
    page = listed(service, **query)
    by_cursor = [page["items"]]
    while len(by_cursor) < 3:
        page = listed(service, cursor=page["next"], **query)
        assert (page["page"], page["total"], page["pages"]) == (None, None, None)
        by_cursor.append(page["items"])
    assert by_cursor == pages


def test_one_session(service: Service):
    item = listed(service)["items"][0]
    assert service.get(f"{SESSIONS}/{item['id']}").json() == item | {"criteria": None}


@pytest.mark.parametrize("session_id", ["999999999", "99999999999999999999999", "abc"])
def test_unknown_session(service: Service, session_id: str):
    response = service.get(f"{SESSIONS}/{session_id}")
    assert (response.status_code, response.json()["status"]) == (404, 404)


def test_start(service: Service):
    response = service.start_session(criteria=DEFAULT_CRITERIA.model_dump(mode="json"))
    item = response.json()
    assert response.status_code == 201
    assert set(item) == FIELDS
    assert (item["model"], item["technique"], item["status"]) == ("bert-base", "pruning", "queued")
    found = service.get(response.headers["Location"]).json()
    assert found["id"] == item["id"]
    assert found["criteria"] == DEFAULT_CRITERIA.model_dump(mode="json")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"model": "nobody"}, "model"),
        ({"model": None}, "model"),
        ({"technique": "magic"}, "technique"),
        ({"colour": "red"}, "colour"),
        ({"criteria": {"objective": "size"}}, "criteria.max_accuracy_loss"),
    ],
)
def test_bad_starts_name_the_field(service: Service, body: dict, field: str):
    before = listed(service)["total"]
    response = service.start_session(**body)
    assert response.status_code == 422
    assert field in [error["field"] for error in response.json()["errors"]]
    assert listed(service)["total"] == before


def test_sessions_end_completed_or_failed(service: Service):
    ids = [service.start_session().json()["id"] for _ in range(2)]
    deadline = time.monotonic() + 20
    ended: dict[int, dict] = {}
    while len(ended) < 2 and time.monotonic() < deadline:
        found = [service.get(f"{SESSIONS}/{session_id}").json() for session_id in ids]
        ended = {item["id"]: item for item in found if item["status"] in ("completed", "failed")}
    even, odd = sorted(ended.values(), key=lambda item: item["id"] % 2)
    assert even["status"] == "failed"
    assert even["failure"]
    assert even["size_reduction"] is None
    assert odd["status"] == "completed"
    assert odd["progress"] == 1
    assert odd["speedup"] > 1


def test_open_sessions_are_taken_up_after_a_restart(start):
    first = start(APP_SESSION_DURATION_S="1000")
    session_id = first.start_session().json()["id"]
    first.stop()
    second = start(APP_SESSION_DURATION_S="0.1")
    deadline = time.monotonic() + 20
    while (item := second.get(f"{SESSIONS}/{session_id}").json())["status"] != "completed":
        assert time.monotonic() < deadline, item
