"""Sentences of the causes of slow WebSockets."""

from collections.abc import Callable, Mapping
from typing import Any

from loadtasks.report.sentences.causes.phrases import always, time
from loadtasks.results.findings.causes.slowness import SlowDelivery, SlowOpening, SlowPublishing
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding


def _fan_out(_finding: Finding, parameters: SlowDelivery) -> str:
    return (
        f"the fan-out is slow: from the first listener to the last takes {time(parameters.fan_out)}, while the first "
        f"listener has its event after {time(parameters.first_delivery)}"
    )


def _publishing(_finding: Finding, parameters: SlowPublishing) -> str:
    phase = f", most of it in its phase {parameters.phase}" if parameters.phase else ""
    if parameters.held is not None:
        phase += f" (each connection is held longer: {parameters.held_phase} takes {time(parameters.held)})"
    return (
        f"publishing is slow: the request that publishes takes {time(parameters.publish)}{phase}; the first listener "
        f"has its event after {time(parameters.first_delivery)}, and the last one {time(parameters.fan_out)} later"
    )


def _transport(_finding: Finding, parameters: SlowDelivery) -> str:
    return (
        f"the way from publishing to the WebSockets is slow: the first listener has its event after "
        f"{time(parameters.first_delivery)}, though publishing takes {time(parameters.publish)}"
    )


def _upgrade(_finding: Finding, parameters: SlowOpening) -> str:
    return (
        f"the upgrade is slow: it takes {time(parameters.upgrade)} of the {time(parameters.connect)} to open a "
        "WebSocket"
    )


def _opening(_finding: Finding, parameters: SlowOpening) -> str:
    return (
        f"connecting is slow: opening a WebSocket takes {time(parameters.connect)}, but the upgrade only "
        f"{time(parameters.upgrade)} of it; the target accepts connections late, or the network is slow"
    )


SENTENCES: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.FAN_OUT_SLOW: _fan_out,
    FindingCode.PUBLISHING_SLOW: _publishing,
    FindingCode.EVENT_TRANSPORT_SLOW: _transport,
    FindingCode.UPGRADE_SLOW: _upgrade,
    FindingCode.OPENING_SLOW: _opening,
}
NEXT_STEPS: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.FAN_OUT_SLOW: always(
        "check how the target sends to many clients: one after another, a slow client that delays others, too little "
        "CPU; spread the clients over more instances"
    ),
    FindingCode.PUBLISHING_SLOW: always(
        "look at the request that publishes as at any slow request: its phases, its database"
    ),
    FindingCode.EVENT_TRANSPORT_SLOW: always(
        "look at what carries events between them: Redis, a queue, a loop that is busy with something else"
    ),
    FindingCode.UPGRADE_SLOW: always(
        "check what the target does before it accepts (checking the token, its database) and whether its workers are "
        "busy"
    ),
    FindingCode.OPENING_SLOW: always(
        "check the target's backlog and how many connections open at once, and measure the network"
    ),
}
