"""The target and its reference, from Airflow's connections."""

import logging
from dataclasses import replace
from urllib.parse import urlsplit

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from loadtasks.engine.net.target import Target
from loadtasks.settings import Settings
from loadtasks.steps import configured_reference, configured_target

log = logging.getLogger(__name__)

TARGET_CONNECTION = "performance_target"
REFERENCE_CONNECTION = "performance_reference"


def performance_target(settings: Settings, url: str | None = None) -> Target:
    """The connection's target, else that of LOADTASKS_TARGET and LOADTASKS_TOKEN; `url` goes before the address.

    A token is only sent to the address that it was configured for: whoever may trigger a DAG run may name any address.

    Raises:
        BadInputError: the address is none.
    """
    configured = _from_connection() or configured_target(settings)
    if not url or not url.strip():
        return configured
    target = replace(configured, url=url.strip())
    if configured.token and _origin(target.url) != _origin(configured.url):
        log.warning("The token of %s is not sent to %s, another address", configured.url, target.url)
        return replace(target, token=None)
    return target


def performance_reference(settings: Settings, target: Target, url: str | None = None) -> Target | None:
    """The reference beside which a target is measured; None where none is named. `url` goes before what is configured.

    That is the connection of its own, else the `reference` of the target's, else LOADTASKS_REFERENCE. Its token is its
    own, else the target's, and like that only sent to an address that was configured.

    Raises:
        BadInputError: the address is none.
    """
    configured = _configured_reference(settings, target)
    if not url or not url.strip():
        return configured
    named = target.reference(url.strip(), None)
    for known in (configured, performance_target(settings)):
        if known is not None and _origin(known.url) == _origin(named.url):
            return replace(named, token=known.token)
    log.warning("No token is sent to the reference %s, whose address is not a configured one", named.url)
    return named


def connection_of(connection_id: str) -> Connection | None:
    """The connection of that name, None when there is none."""
    try:
        return Connection.get(connection_id)  # type: ignore[no-any-return]
    except AirflowNotFoundException:
        return None


def _from_connection() -> Target | None:
    connection = connection_of(TARGET_CONNECTION)
    if connection is None or not connection.host:
        return None
    return Target(
        url=_address(connection),
        token=connection.password or None,
        health_path=connection.extra_dejson.get("health_path") or "/healthz",
        metrics_path=connection.extra_dejson.get("metrics_path") or None,
    )


def _configured_reference(settings: Settings, target: Target) -> Target | None:
    connection = connection_of(REFERENCE_CONNECTION)
    if connection is not None and connection.host:
        health_path = connection.extra_dejson.get("health_path") or target.health_path
        reference = target.reference(_address(connection), connection.password or target.token)
        return replace(reference, health_path=health_path)
    of_target = connection_of(TARGET_CONNECTION)
    named = of_target.extra_dejson.get("reference") if of_target is not None else None
    return configured_reference(settings, target, named)


def _address(connection: Connection) -> str:
    """The URL of an HTTP connection: its host is a name, or, as for Airflow's own HTTP hook, a whole address."""
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
