"""What a DAG run was triggered with: a key that nothing reads must not run everything as if nothing had been said.

Airflow checks the values of known keys when a run is triggered, and merges unknown keys into the parameters without a
word. Nothing that a DAG file can declare changes that, so that the run's first task has to refuse them.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from loadtasks.errors import BadInputError

_OF_AIRFLOW = frozenset({"openlineage"})
"""Keys that Airflow itself adds: TriggerDagRunOperator names the triggering run to OpenLineage there."""


def check_trigger(conf: Mapping[str, Any] | None, known: Iterable[str], params: Mapping[str, Any]) -> None:
    """Check that what a run was triggered with has an effect.

    Args:
        conf: what it was triggered with; None or empty for nothing, as of a scheduled run.
        known: the parameters that the DAG declares.
        params: the parameters of the run, merged from both.

    Raises:
        BadInputError: an unknown key, or values that Airflow was set up to ignore.
    """
    given = {key: value for key, value in (conf or {}).items() if key not in _OF_AIRFLOW}
    names = sorted(known)
    if unknown := [key for key in given if key not in names]:
        several = len(unknown) > 1
        raise BadInputError(
            f"the trigger has {'keys' if several else 'a key'} that this DAG doesn't know: "
            f"{', '.join(_with_closest(key, names) for key in unknown)}; the keys are {', '.join(names)}. "
            "Trigger it again with those."
        )
    ignored = [key for key, value in given.items() if repr(params.get(key)) != repr(value)]  # NaN never equals itself
    if ignored:
        raise BadInputError(
            f"the trigger's {', '.join(sorted(ignored))} would be ignored, since Airflow's setting "
            "[core] dag_run_conf_overrides_params is off: switch it on, or trigger the DAG without configuration."
        )


def _with_closest(key: str, names: list[str]) -> str:
    """`'targt' (target?)`; the key alone where none is close."""
    closest = get_close_matches(key.strip().lower().replace("-", "_"), names, n=1)
    return f"{key!r} ({closest[0]}?)" if closest else repr(key)
