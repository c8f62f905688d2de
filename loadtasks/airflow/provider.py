"""What the wheel tells Airflow about itself: the provider `nightly-performance` and its connection type.

Airflow calls `get_provider_info` by the entry point `apache_airflow_provider`, in every process: it imports nothing.
"""

from typing import Any

from loadtasks.airflow import DISTRIBUTION, TARGET_TYPE
from loadtasks.airflow.how_to_connect import LABELS, TYPE_NAME

_HOOK = "loadtasks.airflow.target_hook.PerformanceTargetHook"


def get_provider_info() -> dict[str, Any]:
    """The provider, as Airflow's provider_info.schema.json and its form of connections want it."""
    return {
        "package-name": DISTRIBUTION,
        "name": "Nightly performance",
        "description": "Nightly performance runs of HTTP and WebSocket APIs, with targets, baselines and pages.",
        "integrations": [{"integration-name": "Nightly performance", "tags": ["software"]}],
        "hooks": [{"integration-name": "Nightly performance", "python-modules": [_HOOK.rpartition(".")[0]]}],
        "connection-types": [
            {
                "connection-type": TARGET_TYPE,
                "hook-name": TYPE_NAME,
                "hook-class-name": _HOOK,
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "extra"],
                    "relabeling": LABELS,
                    "placeholders": {
                        "host": "https://api.example.com",
                        "port": "that of the address",
                        "login": "empty for a token",
                        "password": "bearer token, or the user's password",
                    },
                },
                "conn-fields": {
                    "service": _text("Service", "Name of the service; its host, port and path when empty."),
                    "health_path": _text(
                        "Health path",
                        "Requested before and after each scenario, such as /healthz: any status below 500 will do. "
                        "When empty, any response of /healthz will do.",
                    ),
                    "metrics_path": _text(
                        "Metrics path", "The API's metrics in Prometheus' text format; /metrics, if there is one."
                    ),
                    "reference": _text(
                        "Reference",
                        "Address of the approved build, for paired runs. One with a login of its own has a connection "
                        "of its own, performance_reference.",
                    ),
                },
            }
        ],
    }


def _text(label: str, description: str) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": {"type": ["string", "null"]}}
