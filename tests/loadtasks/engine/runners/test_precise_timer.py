"""Both kinds of timer, on the loop that the engine runs."""

import asyncio
from collections.abc import Callable, Coroutine
from time import perf_counter

import pytest
import uvloop

from loadtasks.engine.runners.precise_timer import LoopTimer, PreciseTimer, TimerFile

KINDS = [TimerFile, LoopTimer]
Kind = Callable[[Callable[[], None]], PreciseTimer]


def on_loop(scenario: Coroutine[None, None, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario)


@pytest.mark.parametrize("kind", KINDS)
def test_it_rings_once_for_each_setting_and_never_early(kind: Kind) -> None:
    rung: list[tuple[float, float]] = []

    async def scenario() -> None:
        done = asyncio.get_running_loop().create_future()
        due = perf_counter() + 0.01

        def ring() -> None:
            nonlocal due
            rung.append((due, perf_counter()))
            if len(rung) == 20:
                done.set_result(None)
            else:
                due += 0.0015
                clock.set(due)

        clock = kind(ring)
        clock.set(due)
        await done
        await asyncio.sleep(0.01)
        clock.close()

    on_loop(scenario())
    assert len(rung) == 20
    assert all(at >= due for due, at in rung)


@pytest.mark.parametrize("kind", KINDS)
def test_a_past_time_rings_soon_a_new_setting_replaces_the_old_and_a_closed_one_is_silent(kind: Kind) -> None:
    rung: list[str] = []

    async def scenario() -> None:
        past, moved, closed = (kind(lambda name=name: rung.append(name)) for name in ("past", "moved", "closed"))
        past.set(perf_counter() - 1)
        moved.set(perf_counter() + 0.001)
        moved.set(perf_counter() + 0.02)
        closed.set(perf_counter() + 0.001)
        closed.close()
        await asyncio.sleep(0.1)
        past.close()
        moved.close()

    on_loop(scenario())
    assert rung == ["past", "moved"]
