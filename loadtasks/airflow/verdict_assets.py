"""The assets of verdicts: one a service and verdict, for DAGs that wait for them."""

from loadtasks.service_name import slug


def verdict_asset(service: str, verdict: str) -> str:
    """The URI, and name, of the asset that has an event for each run of a service with this verdict.

    `Asset(verdict_asset("shop", "regressed"))` is `Asset("performance://shop/regressed")`; either can be written in a
    DAG file. The verdicts are `pass`, `fail`, `regressed`, `improved` and `invalid`.
    """
    return f"performance://{slug(service)}/{verdict}"
