import copy

import pytest

from app.config.model import DEFAULT_CRITERIA
from tests.app.service import CRITERIA, Service

pytestmark = pytest.mark.every_database

DOCUMENT = DEFAULT_CRITERIA.model_dump(mode="json")
OTHER = DOCUMENT | {
    "objective": "speed",
    "techniques": ["compilation", "quantization"],
    "weights": {"size": 0.1, "speed": 0.7, "accuracy": 0.2},
    "min_speedup": 2.25,
}


def test_default_before_any_put(start):
    assert start().get(CRITERIA).json() == DOCUMENT


def test_put_is_read_back_exactly(service: Service):
    for document in (OTHER, DOCUMENT):
        response = service.call("PUT", CRITERIA, json=document)
        assert (response.status_code, response.json()) == (200, document)
        assert service.get(CRITERIA).json() == document


def test_put_outlives_a_killed_process(start):
    first = start()
    assert first.call("PUT", CRITERIA, json=OTHER).status_code == 200
    first.kill()
    assert start().get(CRITERIA).json() == OTHER


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("objective", "fame"),
        ("max_accuracy_loss", 1.5),
        ("min_speedup", 0.5),
        ("min_speedup", "fast"),
        ("techniques", []),
        ("techniques", ["pruning", "pruning"]),
        ("weights", {"size": 0.5, "speed": 0.7, "accuracy": 0.2}),
        ("weights.size", -0.1),
        ("target.hardware", "abacus"),
        ("target.memory_mib", 0),
        ("time_limit_s", None),
        ("colour", "red"),
    ],
)
def test_bad_documents_name_the_field_and_change_nothing(service: Service, path: str, value: object):
    before = service.get(CRITERIA).json()
    document = copy.deepcopy(DOCUMENT)
    *parents, name = path.split(".")
    part = document
    for parent in parents:
        part = part[parent]
    part[name] = value
    response = service.call("PUT", CRITERIA, json=document)
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [path]
    assert service.get(CRITERIA).json() == before


@pytest.mark.parametrize("name", list(DOCUMENT))
def test_every_field_is_needed(service: Service, name: str):
    response = service.call("PUT", CRITERIA, json={key: value for key, value in DOCUMENT.items() if key != name})
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [name]
