"""The hook of the connection type *Performance target*: what Airflow's button _Test_ calls."""

from typing import Any, ClassVar

from airflow.sdk import BaseHook

from loadtasks.airflow import TARGET_CONNECTION, TARGET_TYPE
from loadtasks.airflow.how_to_connect import TYPE_NAME


class PerformanceTargetHook(BaseHook):
    """A connection to an API under test, or to its approved build."""

    conn_name_attr: ClassVar[str] = "performance_conn_id"
    default_conn_name: ClassVar[str] = TARGET_CONNECTION
    conn_type: ClassVar[str] = TARGET_TYPE
    hook_name: ClassVar[str] = TYPE_NAME

    def __init__(self, performance_conn_id: str = TARGET_CONNECTION, **options: Any) -> None:
        """Name the connection; nothing is sent."""
        super().__init__(**options)
        self.performance_conn_id = performance_conn_id

    def get_conn(self, named: str | None = None) -> Any:
        """The target that the connection names: address, login and paths.

        Args:
            named: what errors call the connection; None: by its id.

        Raises:
            BadInputError: the connection has no address, or something in it can't be used.
        """
        from loadtasks.airflow.connections import target_in  # noqa: PLC0415 - Airflow's processes all import hooks
        from loadtasks.errors import BadInputError  # noqa: PLC0415

        connection = self.get_connection(self.performance_conn_id)
        if named is not None:
            connection.conn_id = named
        if not connection.host:
            raise BadInputError("The connection has no address; write one such as https://api.example.com.")
        return target_in(connection)

    def test_connection(self) -> tuple[bool, str]:
        """Ask the target's health page, with the login. Returns whether it can be measured, and a sentence."""
        from loadtasks.engine.http.probe import probe  # noqa: PLC0415 - see above
        from loadtasks.errors import LoadTasksError  # noqa: PLC0415

        try:
            target = self.get_conn("to be tested")  # Airflow gives it an id that nobody knows
            path = target.health_path or target.USUAL_HEALTH_PATH
            status = probe(target, path, head_only=True).status
        except LoadTasksError as error:
            return False, str(error)
        asked = f"GET {path} of {target.url} responded {status}"
        if status in _REFUSED:
            return False, f"{asked}: it doesn't admit to this page; check the login."
        if status >= _SERVER_ERROR:
            return target.health_path is None, f"{asked}."
        return True, f"{asked}."


_REFUSED = (401, 403)
_SERVER_ERROR = 500
