"""The target and its reference, from Airflow's connections."""

import logging
from dataclasses import replace
from urllib.parse import urlsplit

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from loadtasks.airflow import REFERENCE_CONNECTION, TARGET_CONNECTION
from loadtasks.engine.net.target import Target
from loadtasks.service_name import service_at
from loadtasks.settings import Settings, read_settings
from loadtasks.steps import configured_reference, configured_target

log = logging.getLogger(__name__)


def performance_target(settings: Settings, url: str | None = None) -> Target:
    """The target of Airflow's connection, else that of LOADTASKS_TARGET and LOADTASKS_TOKEN.

    A token is sent to the address that it was configured for and to no other: whoever may trigger a DAG run may name
    any address in the trigger form.

    Args:
        settings: the settings of the run.
        url: an address from the trigger form, which takes precedence over the configured one.

    Raises:
        BadInputError: the address is not a URL.
    """
    configured = _from_connection() or configured_target(settings)
    if not url or not url.strip():
        return configured
    target = replace(configured, url=url.strip())
    if configured.token and _origin(target.url) != _origin(configured.url):
        log.warning("The token of %s is not sent to %s, which is another address", configured.url, target.url)
        return replace(target, token=None)
    return target


def performance_service(settings: Settings, target: Target, form: str | None, dag: str | None) -> str:
    """The service that a target belongs to.

    Its name is that of the trigger form, else that of the DAG, else `service` in the extra of the target's connection,
    else LOADTASKS_SERVICE, else the target's host, port and path. But for the form's, a name is that of the configured
    target: another address, of the trigger form, is another service.

    Args:
        settings: the settings of the run.
        target: the API under test.
        form: the name in the trigger form.
        dag: the name that the DAG file gives.

    Raises:
        BadInputError: the address is not a URL, or the name can't be one.
    """
    address = service_at(target.url)
    if form and form.strip():
        return read_settings(service=form).service or address
    if address != service_at(performance_target(settings).url):
        return address
    connection = find_connection(TARGET_CONNECTION)
    named = dag or (connection.extra_dejson.get("service") if connection is not None else None)
    if named:
        return read_settings(service=named).service or address
    # LOADTASKS_SERVICE is the name of LOADTASKS_TARGET where both are set: a connection may name another API.
    is_another = "target" in settings.model_fields_set and service_at(settings.target) != address
    return address if is_another else settings.service or address


def performance_reference(settings: Settings, target: Target, url: str | None = None) -> Target | None:
    """The reference that a target is compared with in a paired run; None when no reference is configured.

    Configured is the reference's own connection, else `reference` in the extra of the target's connection, else
    LOADTASKS_REFERENCE. Its token is its own, else the target's. A token is sent to configured addresses only.

    Args:
        settings: the settings of the run.
        target: the API under test.
        url: an address from the trigger form, which takes precedence over the configured one.

    Raises:
        BadInputError: the address is not a URL.
    """
    configured = _configured_reference(settings, target)
    if not url or not url.strip():
        return configured
    named = target.reference(url.strip(), None)
    for trusted in (configured, performance_target(settings)):
        if trusted is not None and _origin(trusted.url) == _origin(named.url):
            return replace(named, token=trusted.token)
    log.warning("No token is sent to the reference %s, since that address is not configured", named.url)
    return named


def find_connection(connection_id: str) -> Connection | None:
    """The Airflow connection with this ID; None when there is none."""
    try:
        return Connection.get(connection_id)  # type: ignore[no-any-return]
    except AirflowNotFoundException:
        return None


def _from_connection() -> Target | None:
    connection = find_connection(TARGET_CONNECTION)
    if connection is None or not connection.host:
        return None
    return Target(
        url=_address(connection),
        token=connection.password or None,
        health_path=connection.extra_dejson.get("health_path") or "/healthz",
        metrics_path=connection.extra_dejson.get("metrics_path") or None,
    )


def _configured_reference(settings: Settings, target: Target) -> Target | None:
    connection = find_connection(REFERENCE_CONNECTION)
    if connection is not None and connection.host:
        health_path = connection.extra_dejson.get("health_path") or target.health_path
        reference = target.reference(_address(connection), connection.password or target.token)
        return replace(reference, health_path=health_path)
    target_connection = find_connection(TARGET_CONNECTION)
    named = target_connection.extra_dejson.get("reference") if target_connection is not None else None
    return configured_reference(settings, target, named)


def _address(connection: Connection) -> str:
    """The URL of an HTTP connection. As for Airflow's HTTP hook, `host` is a host name or a whole URL."""
    host = str(connection.host)
    if "://" not in host:
        scheme = connection.schema or ("https" if connection.conn_type == "https" else "http")
        host = f"{scheme}://[{host}]" if ":" in host else f"{scheme}://{host}"
    parts = urlsplit(host)
    if connection.port and parts.port is None:
        parts = parts._replace(netloc=f"{parts.netloc}:{connection.port}")
    return parts.geturl()


def _origin(url: str) -> tuple[str, str | None, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
