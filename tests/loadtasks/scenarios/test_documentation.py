"""docs/scenarios.md: it names every key, and its examples are files that work."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from loadtasks.scenarios.entry import Entry, FeederEntry, File
from loadtasks.scenarios.files import read_scenarios
from loadtasks.scenarios.load import LOADS, Stage, WorkerStage, WorkerStagesLoad
from loadtasks.scenarios.model import Checks, Event, JsonCheck, Publish, ReadBack, Request
from loadtasks.scenarios.think_time import ThinkTime
from loadtasks.scenarios.yaml_reader import parse_yaml
from tests.workspaces import SHIPPED_SCENARIOS

TEXT = (Path(__file__).parents[3] / "docs" / "scenarios.md").read_text(encoding="utf-8")
_EXAMPLE = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = _EXAMPLE.findall(TEXT)
NAMED = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", _EXAMPLE.sub("", TEXT)))))
MODELS: list[type[BaseModel]] = [
    *(File, Entry, FeederEntry, Request, ReadBack, Checks, JsonCheck, Publish, Event),
    *(*LOADS.values(), WorkerStagesLoad, Stage, WorkerStage, ThinkTime),
]


@pytest.mark.parametrize("model", MODELS)
def test_every_key_is_named(model: type[BaseModel]) -> None:
    keys = {field.alias or name for name, field in model.model_fields.items()} - {"model"}
    assert keys <= NAMED


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: parse_yaml(example.encode())["endpoint"])
def test_every_example_works(tmp_path: Path, example: str) -> None:
    (tmp_path / "users.csv").write_text("id,name,team\n1,Ann,a\n")
    (tmp_path / "example.yaml").write_text(example, encoding="utf-8")
    content = parse_yaml(example.encode())
    if content["endpoint"] == "mixed":
        for path in SHIPPED_SCENARIOS.glob("*.yaml"):
            if path.stem != "mixed":
                (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    names = {f"{content['endpoint']}.{profile}" for profile in content["scenarios"]}
    assert names <= set(read_scenarios(tmp_path))
