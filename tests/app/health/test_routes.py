import requests
from sqlalchemy import text


def test_ready(service):
    response = requests.get(service.url + "/readyz", timeout=10)
    assert (response.status_code, response.json()) == (
        200,
        {"status": "ready", "parts": {"database": "ok", "schema": "ok", "redis": "off"}},
    )


def test_healthy(service):
    response = requests.get(service.url + "/healthz", timeout=10)
    assert (response.status_code, response.json()) == (200, {"status": "ok", "database": "ok", "redis": "off"})


def test_not_ready_without_a_table(start):
    service = start()
    with service.database.write() as connection:
        connection.execute(text("DROP TABLE documents"))
    response = requests.get(service.url + "/readyz", timeout=10)
    assert (response.status_code, response.headers["Content-Type"]) == (503, "application/problem+json")
    assert response.json()["parts"] == {"database": "ok", "schema": "lacks documents", "redis": "off"}
    assert "lacks documents" in response.json()["detail"]
    assert requests.get(service.url + "/healthz", timeout=10).ok


def test_not_ready_without_a_database(start, tmp_path):
    service = start()
    service.database.dispose()
    for file in tmp_path.glob("app.db*"):
        file.write_bytes(b"no database at all" * 1000)
    response = requests.get(service.url + "/readyz", timeout=10)
    assert response.status_code == 503
    assert response.json()["parts"] == {
        "database": "doesn't respond: DatabaseError",
        "schema": "unknown",
        "redis": "off",
    }
    assert str(tmp_path) not in response.text
