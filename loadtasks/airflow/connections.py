"""The target and its reference, from Airflow's connections."""

import logging
from dataclasses import replace
from typing import NamedTuple

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from loadtasks.airflow import REFERENCE_CONNECTION, TARGET_CONNECTION
from loadtasks.airflow.how_to_connect import how_to_make
from loadtasks.engine.net.target import Target
from loadtasks.errors import BadInputError
from loadtasks.service_name import service_at
from loadtasks.settings import Settings, read_settings
from loadtasks.steps import configured_reference, configured_target
from loadtasks.target_address import Credentials, TargetAddress, is_ipv6, masked

log = logging.getLogger(__name__)


class ConnectionIds(NamedTuple):
    """The ids of the connections that a DAG asks for."""

    target: str = TARGET_CONNECTION
    reference: str = REFERENCE_CONNECTION


_USUAL = ConnectionIds()


def performance_target(settings: Settings, url: str | None = None, ids: ConnectionIds = _USUAL) -> Target:
    """The target of Airflow's connection, else that of LOADTASKS_TARGET and LOADTASKS_TOKEN.

    A login is sent to the address that it was configured for and to no other: whoever may trigger a DAG run may name
    any address in the trigger form.

    Args:
        settings: the settings of the run.
        url: an address from the trigger form, which takes precedence over the configured one.
        ids: the ids of the DAG's connections.

    Raises:
        BadInputError: the address is not a URL.
    """
    configured = _from_connection(ids.target) or configured_target(settings)
    if not url or not url.strip():
        return configured
    target = _of_form(replace(configured, url=url.strip(), token=None, credentials=None), ids)
    if _origin(target) == _origin(configured):
        return target.logged_in_as(configured)
    if configured.token or configured.credentials:
        log.warning("The login of %s is not sent to %s, which is another address", configured.url, target.url)
    return target


def performance_service(
    settings: Settings, target: Target, form: str | None, dag: str | None, ids: ConnectionIds = _USUAL
) -> str:
    """The service that a target belongs to.

    Its name is that of the trigger form, else that of the DAG, else `service` in the extra of the target's connection,
    else LOADTASKS_SERVICE, else the target's host, port and path. But for the form's, a name is that of the configured
    target: another address, of the trigger form, is another service.

    Args:
        settings: the settings of the run.
        target: the API under test.
        form: the name in the trigger form.
        dag: the name that the DAG file gives.
        ids: the ids of the DAG's connections.

    Raises:
        BadInputError: the address is not a URL, or the name can't be one.
    """
    address = service_at(target.url)
    if form and form.strip():
        return read_settings(service=form).service or address
    if address != service_at(performance_target(settings, None, ids).url):
        return address
    connection = find_connection(ids.target)
    named = dag or (extra_text(connection, "service") if connection is not None else None)
    if named:
        return read_settings(service=named).service or address
    # LOADTASKS_SERVICE is the name of LOADTASKS_TARGET where both are set: a connection may name another API.
    is_another = "target" in settings.model_fields_set and service_at(settings.target.url) != address
    return address if is_another else settings.service or address


def performance_reference(
    settings: Settings,
    target: Target,
    url: str | None = None,
    started: str | None = None,
    ids: ConnectionIds = _USUAL,
) -> Target | None:
    """The reference that a target is compared with in a paired run; None when no reference is configured.

    One that the DAG has started goes before a configured one. Configured is the reference's own connection, else
    `reference` in the extra of the target's connection, else LOADTASKS_REFERENCE. Its login is its own, else the
    target's. A login is sent to configured addresses only.

    Args:
        settings: the settings of the run.
        target: the API under test.
        url: an address from the trigger form, which takes precedence over the configured one.
        started: the address of the reference that the DAG has started.
        ids: the ids of the DAG's connections.

    Raises:
        BadInputError: the address is not a URL.
    """
    configured = (
        configured_reference(settings, target, started) if started else _configured_reference(settings, target, ids)
    )
    if not url or not url.strip():
        return configured
    named = _of_form(target.reference(url.strip(), None), ids)
    for trusted in (configured, performance_target(settings, None, ids)):
        if trusted is not None and _origin(trusted) == _origin(named):
            return named.logged_in_as(trusted)
    log.warning("No login is sent to the reference %s, since that address is not configured", named.url)
    return named


def _of_form(target: Target, ids: ConnectionIds) -> Target:
    """A target from the trigger form.

    Raises:
        BadInputError: its address has a user or password, which Airflow would keep and show with the run.
    """
    if target.credentials is not None:
        raise BadInputError(
            f"the {target.role} {target.url} of the trigger form has a user or password in it, and whoever may see the "
            f"run may read the form: put them into the Airflow connection {getattr(ids, target.role)}."
        )
    return target


def find_connection(connection_id: str) -> Connection | None:
    """The Airflow connection with this ID; None when there is none."""
    try:
        return Connection.get(connection_id)  # type: ignore[no-any-return]
    except AirflowNotFoundException:
        return None


def extra_text(connection: Connection, key: str) -> str | None:
    """A text in the extra of an Airflow connection; None where there is none.

    Raises:
        BadInputError: the extra is not a JSON object, or it has something else than a text there.
    """
    extra = connection.extra_dejson
    where = f"Airflow connection {connection.conn_id}: its extra"
    if not isinstance(extra, dict):
        raise BadInputError(f'{where} is not a JSON object; write one such as {{"{key}": "..."}}, or leave it empty.')
    value = extra.get(key)
    if value is not None and not isinstance(value, str):
        raise BadInputError(f"{where} has a {key} that is no text; write it in double quotes, or leave it out.")
    return value.strip() or None if value else None


def target_in(connection: Connection) -> Target:
    """The target that a connection with a host names.

    Raises:
        BadInputError: its address, its login or a path in it can't be used.
    """
    token, credentials = _login(connection)
    address = _address(connection)
    return Target(
        url=address.url,
        token=token,
        credentials=credentials or address.credentials,
        health_path=extra_text(connection, "health_path"),
        metrics_path=extra_text(connection, "metrics_path"),
    )


def _from_connection(connection_id: str) -> Target | None:
    connection = find_connection(connection_id)
    if connection is None or not connection.host:
        log.info(
            "There is no connection %s with a host, so the target is that of LOADTASKS_TARGET; %s",
            connection_id,
            how_to_make(TARGET_CONNECTION, connection_id),
        )
        return None
    return target_in(connection)


def _configured_reference(settings: Settings, target: Target, ids: ConnectionIds) -> Target | None:
    connection = find_connection(ids.reference)
    if connection is not None and connection.host:
        health_path = extra_text(connection, "health_path") or target.health_path
        token, credentials = _login(connection)
        address = _address(connection)
        reference = replace(
            target.reference(address.url, token),
            credentials=credentials or address.credentials,
            health_path=health_path,
        )
        return reference.logged_in_as(target)
    target_connection = find_connection(ids.target)
    named = extra_text(target_connection, "reference") if target_connection is not None else None
    return configured_reference(settings, target, named)


def _login(connection: Connection) -> tuple[str | None, Credentials | None]:
    """Token, or user and password: a connection with a login has the password of that, another one a token."""
    if connection.login:
        return None, Credentials(connection.login, connection.password or "")
    return connection.password or None, None


def _address(connection: Connection) -> TargetAddress:
    """The address of a connection. As for Airflow's HTTP hook, `host` is a host name or a whole URL.

    Raises:
        BadInputError: it isn't one.
    """
    host = str(connection.host)
    if "://" not in host:
        scheme = connection.schema or ("https" if connection.conn_type == "https" else "http")
        host = f"{scheme}://[{host}]" if is_ipv6(host) else f"{scheme}://{host}"
    try:
        address = TargetAddress.parse(host)
    except ValueError as error:
        raise BadInputError(
            f"Airflow connection {connection.conn_id}: its host {masked(host)} is not an address: {error}."
        ) from None
    return replace(address, port=address.port or connection.port or None)


def _origin(target: Target) -> tuple[str, str, int]:
    return TargetAddress.parse(target.url).origin
