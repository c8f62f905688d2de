import requests
from sqlalchemy import text


def test_ready(service):
    answer = requests.get(service.url + "/readyz", timeout=10)
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ready", "parts": {"database": "ok", "schema": "ok", "redis": "off"}},
    )


def test_healthy(service):
    answer = requests.get(service.url + "/healthz", timeout=10)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "database": "ok", "redis": "off"})


def test_not_ready_without_a_table(start):
    service = start()
    with service.database.write() as connection:
        connection.execute(text("DROP TABLE documents"))
    answer = requests.get(service.url + "/readyz", timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
    assert answer.json()["parts"] == {"database": "ok", "schema": "lacks documents", "redis": "off"}
    assert "lacks documents" in answer.json()["detail"]
    assert requests.get(service.url + "/healthz", timeout=10).ok


def test_not_ready_without_a_database(start, tmp_path):
    service = start()
    service.database.dispose()
    for file in tmp_path.glob("app.db*"):
        file.write_bytes(b"no database at all" * 1000)
    answer = requests.get(service.url + "/readyz", timeout=10)
    assert answer.status_code == 503
    assert answer.json()["parts"] == {"database": "doesn't answer: DatabaseError", "schema": "unknown", "redis": "off"}
    assert str(tmp_path) not in answer.text
