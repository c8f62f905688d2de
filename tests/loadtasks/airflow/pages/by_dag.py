"""An auth manager that grants by DAG: a user's name says what it may do, as in `reads:nightly_performance`."""

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

_GRANTS = {"reads": ("GET",), "edits": ("GET", "PUT"), "triggers": ("GET", "POST")}


class ByDag(SimpleAuthManager):
    """Everything but DAGs is as the simple auth manager has it."""

    def is_authorized_dag(self, *, method: Any, user: Any, access_entity: Any = None, details: Any = None) -> bool:
        verb, _, dag_id = user.get_id().partition(":")
        return details is not None and details.id == dag_id and method in _GRANTS[verb]
