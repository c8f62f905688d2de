"""The wording of every finding, as a snapshot per area: the only tests that fail when a sentence changes.

`UPDATE_SNAPSHOTS=1 python -m pytest tests/loadtasks/report/sentences/test_snapshots.py` writes the snapshots anew; read
the difference before you commit it.
"""

import importlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from loadtasks.report import sentences
from loadtasks.report.sentences import (
    availability,
    causes,
    connections,
    history,
    lifecycle,
    other_run,
    reference,
    targets,
    validity,
)
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from tests.loadtasks.report.sentences import examples

SNAPSHOTS = Path(__file__).parent / "snapshots"
AREAS: Mapping[str, ModuleType] = {
    "validity": validity,
    "targets": targets,
    "connections": connections,
    "availability": availability,
    "history": history,
    "lifecycle": lifecycle,
    "reference": reference,
    "other_run": other_run,
    "causes": causes,
}


def modules() -> list[ModuleType]:
    """The modules of examples in this folder, `examples` first."""
    others = sorted(path.stem for path in Path(__file__).parent.glob("examples_*.py"))
    return [examples, *(importlib.import_module(f"tests.loadtasks.report.sentences.{name}") for name in others)]


EXAMPLES: Mapping[FindingCode, Finding] = {
    code: finding for module in modules() for code, finding in module.EXAMPLES.items()
}
ALL: Sequence[Finding] = [
    *EXAMPLES.values(),
    *(finding for module in modules() for finding in getattr(module, "VARIANTS", ())),
]


def rendered(area: ModuleType) -> str:
    """The sentences and next steps of an area's examples, in the order of the codes."""
    order = list(FindingCode)
    lines = []
    found = [finding for finding in ALL if finding.code in area.SENTENCES]
    for finding in sorted(found, key=lambda finding: order.index(finding.code)):
        lines += [finding.code.value, f"    {sentences.sentence(finding)}"]
        step = sentences.next_step(finding)
        lines += [f"    Next: {step}"] if step else []
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("area", AREAS)
def test_the_wording_is_that_of_the_snapshot(area: str) -> None:
    snapshot = SNAPSHOTS / f"{area}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        snapshot.write_text(rendered(AREAS[area]), encoding="utf-8")
    assert rendered(AREAS[area]) == snapshot.read_text(encoding="utf-8")
