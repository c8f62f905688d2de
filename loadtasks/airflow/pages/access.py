"""Who may see and decide what: whoever may read a DAG sees the services that it exercises, and who may edit it decides.

Only the public `is_authorized_dag` of Airflow's auth manager is asked, so that any auth manager decides. A service that
several DAGs exercise is one history, which each of them gives access to.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.models.dag import DagModel
from fastapi import Depends, HTTPException, status

from loadtasks import steps
from loadtasks.airflow import DAG_ID
from loadtasks.airflow.airflow_settings import airflow_settings
from loadtasks.airflow.pages.forms import token_for
from loadtasks.report.pages.frame import PageFrame
from loadtasks.steps import RunContext

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.base_auth_manager import ResourceMethod

_NO_PAGE = "There is no such page, or you may not read its DAG."


@dataclass(frozen=True)
class Reader:
    """The user of a request, and what that user may do."""

    user: GetUserDep

    @property
    def name(self) -> str:
        """The name under which decisions are kept."""
        return str(self.user.get_name())

    @cached_property
    def context(self) -> RunContext:
        """Where results are kept."""
        return RunContext.from_settings(airflow_settings())

    @cached_property
    def services(self) -> dict[str, set[str]]:
        """The services that the user may see, that of the newest run first, with the DAGs that exercise them."""
        known = {
            service: {dag_id or DAG_ID for dag_id in dag_ids}
            for service, dag_ids in steps.services_of_dags(self.context).items()
        }
        return {service: dag_ids for service, dag_ids in known.items() if any(map(self.may_read, dag_ids))}

    def chosen(self, service: str) -> list[str]:
        """The service of a name, or without a name all that the user may see."""
        return [name for name in self.services if service in ("", name)]

    def may_read(self, dag_id: str) -> bool:
        """Whether the user may read a DAG."""
        return self._may("GET", dag_id)

    def may_decide(self, service: str) -> bool:
        """Whether the user may decide about a service: may edit a DAG that exercises it."""
        return any(self._may("PUT", dag_id) for dag_id in self.services.get(service, ()))

    def may_trigger(self, service: str) -> bool:
        """Whether the user may start a run of a service: may trigger a DAG that exercises it."""
        return bool(self.triggerable(service))

    def triggerable(self, service: str) -> list[str]:
        """The DAGs that exercise a service and that the user may trigger."""
        return [
            dag_id
            for dag_id in sorted(self.services.get(service, ()))
            if self._may("POST", dag_id, DagAccessEntity.RUN)
        ]

    def decidable(self) -> Collection[str]:
        """The services about which the user may decide."""
        return {service for service in self.services if self.may_decide(service)}

    def check_reads(self, service: str, refusal: str = _NO_PAGE) -> None:
        """Check that the user may see a service; one that does not exist is refused in the same words."""
        if service not in self.services:
            raise HTTPException(status.HTTP_404_NOT_FOUND, refusal)

    def check_reads_dag(self, dag_id: str) -> None:
        """Check that the user may read a DAG; one that does not exist is refused in the same words."""
        if not self.may_read(dag_id):
            raise HTTPException(status.HTTP_404_NOT_FOUND, _NO_PAGE)

    def check_decides(self, service: str) -> None:
        """Check that the user may decide about a service."""
        self.check_reads(service)
        if not self.may_decide(service):
            raise HTTPException(
                status.HTTP_403_FORBIDDEN,
                f"You may read {service}, and not decide about it: that needs the right to edit its DAG in Airflow.",
            )

    def frame(self, base: str, airflow: str) -> PageFrame:
        """What surrounds the pages of this user."""
        return PageFrame(base=base, airflow=airflow, reader=self.name, token=token_for(self.user.get_id()))

    def _may(self, method: "ResourceMethod", dag_id: str, entity: DagAccessEntity | None = None) -> bool:
        if dag_id not in self._details:  # which takes a query
            self._details[dag_id] = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
        details = self._details[dag_id]
        return bool(
            get_auth_manager().is_authorized_dag(method=method, access_entity=entity, details=details, user=self.user)
        )

    @cached_property
    def _details(self) -> dict[str, DagDetails]:
        """The DAGs that this request has asked about."""
        return {}


ReaderDep = Annotated[Reader, Depends(Reader)]
"""The reader of a request; nobody without Airflow's log-in."""
