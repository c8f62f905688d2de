"""What holds for all tests."""

import atexit
import gc
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache

import pytest
from hypothesis import settings

from tests.airflow_process import airflow
from tests.postgresql import postgresql, postgresql_url
from tests.redis_server import redis_server
from tests.server_free import processes, pytest_addoption, pytest_configure

__all__ = [
    "airflow",
    "postgresql",
    "postgresql_url",
    "processes",
    "pytest_addoption",
    "pytest_configure",
    "redis_server",
]

# A deadline would be a timed assertion, and machines are busy. Every run draws new examples, so that fewer of them find
# as much in a week.
settings.register_profile("untimed", deadline=None, max_examples=50)
settings.load_profile("untimed")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Half a million objects stay from here to the end: the garbage collector passes over them, now and later.

    Of what tests make, little is garbage that it alone would find; it looks more rarely than by itself.
    """
    gc.disable()
    gc.set_threshold(20_000, 20, 50)
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End a worker of xdist here, where everything is reported and tidied.

    To free its objects one by one takes it more than the ten seconds after which xdist kills it.
    """
    if hasattr(config, "workerinput"):
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


# The process that deals out the tests reads this file too, and begins only then: what takes long to import is imported
# where it is needed.


@pytest.fixture(scope="session", autouse=True)
def one_calibration() -> Iterator[None]:
    """Runs within one process share one calibration, which each would else make for half a second."""
    from loadtasks.engine.generator.calibration import calibrate  # noqa: PLC0415 - see above
    from loadtasks.steps import exercise  # noqa: PLC0415

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exercise, "calibrate", cache(calibrate))
        yield


@pytest.fixture(scope="session", autouse=True)
def charts_in_this_process() -> Iterator[Callable[..., list[str | None]]]:
    """Charts are drawn here, where the engine starts once and not for each report; yields what draws them elsewhere."""
    from loadtasks.report.charts import drawing, drawing_process  # noqa: PLC0415 - see above

    elsewhere = drawing.draw
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            drawing, "draw", lambda kind, specifications: [drawing_process.draw(kind, one) for one in specifications]
        )
        yield elsewhere
