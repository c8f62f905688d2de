"""What a scenario would send, without sending anything."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from loadtasks.engine.pacer import Pacer, pacer_of
from loadtasks.scenarios.load import BroadcastLoad, ClosedLoad, ConnectionsLoad, OpenLoad, StagesLoad
from loadtasks.scenarios.model import MixedScenario, Scenario, load_sentence


@dataclass(frozen=True)
class Plan:
    """The plan of one scenario, or of one part of a mixed one."""

    name: str
    sentence: str
    expected: int | None
    """Requests, connections or deliveries in all; None where only time ends the load."""
    lasts_s: float | None
    """Until the last request is due; None where the answers decide."""
    due_by_second: dict[int, int]
    """Requests due in each second of an open profile; empty for others."""


def plans(scenario: Scenario) -> Iterator[Plan]:
    """The plan of a scenario: of each part of a mixed one."""
    parts = scenario.parts if isinstance(scenario, MixedScenario) else {"": scenario}
    for kind, part in parts.items():
        name = f"{scenario.name} ({kind})" if kind else scenario.name
        load, sentence = part.load, load_sentence(part)
        match load:
            case OpenLoad() | StagesLoad():
                pacer = pacer_of(load)
                due = Counter(int(pacer.due_s(n) or 0.0) for n in range(pacer.count))
                yield Plan(name, sentence, pacer.count, _last_s(pacer), dict(due))
            case ClosedLoad():
                yield Plan(name, sentence, load.requests, load.duration_s, {})
            case ConnectionsLoad():
                yield Plan(name, sentence, load.connections, None, {})
            case BroadcastLoad():
                pacer = pacer_of(load.publishing)
                yield Plan(name, sentence, pacer.count * load.listeners, _last_s(pacer), {})


def _last_s(pacer: Pacer) -> float | None:
    return pacer.due_s(pacer.count - 1) if pacer.count else None
