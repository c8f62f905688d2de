"""The values that settings take: a type for each kind, with the check that refuses what makes no sense.

A check raises ValueError; `loadtasks.settings` makes a sentence of it that says what to write.
"""

import re
from collections.abc import Iterable
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from loadtasks.request_path import check_path
from loadtasks.service_name import checked_name
from loadtasks.target_address import TargetAddress, checked_token

MAX_PATH = 4095
"""Bytes of a file's path (PATH_MAX of Linux, without the zero at its end)."""
MAX_NOTIFY_URLS = 20
DIGEST_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""The days of the week as `datetime.weekday` counts them."""
_MAX_NAME = 255
"""Bytes of the name of a file or folder that usual file systems take."""
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")
_NOTIFY_URL = re.compile(r"[A-Za-z][A-Za-z0-9]{1,30}://\S+")
"""An address as Apprise writes it; which schemes there are it knows itself."""
_NEXT_URL = re.compile(r"[\s,;]+(?=[A-Za-z][A-Za-z0-9]{1,30}://)")
"""What separates such addresses, which may hold commas and semicolons themselves."""
_MIN_SECRET = 8
"""Characters of a part of a URL that may be a token; shorter ones are words that stand elsewhere, too."""
_HOST_IS_TOKEN = re.compile(r"(?=.*[0-9A-Z])[A-Za-z0-9_-]{8,}")
"""What stands where a host does and is none: Slack's and others' tokens have no dot."""


def _address(value: object) -> object:
    """The address of a target, from the text that somebody wrote."""
    return TargetAddress.parse(value) if isinstance(value, str) else value


def _path(value: str) -> str:
    """The path of a page; it is requested as it is written."""
    check_path(value)
    return value


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("not printable")
    return value


def _file(value: Path) -> Path:
    """The path of a file or folder that there may be, and that can be written into reports."""
    too_long = any(len(part.encode()) > _MAX_NAME for part in value.parts)
    if "\0" in str(value) or len(str(value).encode()) > MAX_PATH or too_long:
        raise ValueError("no path")
    return value


def _recipients(value: object) -> object:
    """E-mail addresses, separated by commas, semicolons, spaces or line ends."""
    addresses = tuple(filter(None, re.split(r"[,;\s]+", value))) if isinstance(value, str) else value
    if not isinstance(addresses, tuple) or not addresses or not all(map(_EMAIL.fullmatch, addresses)):
        raise ValueError("not e-mail addresses")
    return addresses


def _sender(value: str) -> str:
    """One e-mail address, with a name before it or without one."""
    if "\n" in value or not _EMAIL.fullmatch(parseaddr(value)[1]):
        raise ValueError("not an e-mail address")
    return value


def _smtp_url(value: str) -> str:
    """The URL of a mail server: a scheme, a host, and no more than a login and a port besides."""
    parts = urlsplit(value)
    has_more = parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or has_more or not value.isprintable():
        raise ValueError("not the URL of a mail server")
    if parts.port == 0 or (parts.password and not parts.username):  # reading the port checks its range
        raise ValueError("not the URL of a mail server")
    return value


def _heartbeat_url(value: SecretStr) -> SecretStr:
    """The URL of a monitor, without the white space around it that files and pipes leave."""
    url = value.get_secret_value().strip()
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable() or " " in url:
        raise ValueError("not the URL of a monitor")
    if parts.port == 0:  # reading the port checks its range
        raise ValueError("not the URL of a monitor")
    return SecretStr(url)


def _notify_urls(value: object) -> object:
    """Addresses of Apprise, separated by spaces, line ends, commas or semicolons."""
    if not isinstance(value, str):
        return value
    urls = tuple(filter(None, _NEXT_URL.split(value.strip(" \t\r\n,;"))))
    if not 0 < len(urls) <= MAX_NOTIFY_URLS or not all(map(_NOTIFY_URL.fullmatch, urls)) or not value.isascii():
        raise ValueError("no addresses")
    return urls


def _day(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _token(value: object) -> object:
    """A bearer token, without the white space around it that files and pipes leave."""
    return checked_token(value) if isinstance(value, str) else value


Address = Annotated[TargetAddress, NoDecode, BeforeValidator(_address)]
Service = Annotated[str, AfterValidator(checked_name)]
PagePath = Annotated[str, Field(pattern=r"^/\S*$"), AfterValidator(_path)]
Line = Annotated[str, Field(max_length=200), AfterValidator(_printable)]
FilePath = Annotated[Path, AfterValidator(_file)]
Token = Annotated[SecretStr, BeforeValidator(_token)]
SmtpUrl = Annotated[str, AfterValidator(_smtp_url)]
HeartbeatUrl = Annotated[SecretStr, AfterValidator(_heartbeat_url)]
Recipients = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_recipients)]
Sender = Annotated[str, AfterValidator(_sender)]
NotifyUrls = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_notify_urls)]
Digest = Annotated[
    Literal["off", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"], BeforeValidator(_day)
]


def secrets_in(url: str) -> list[str]:
    """All of a URL, and what of it may be a token by itself."""
    try:
        parts = urlsplit(url)
        words = [*parts.path.split("/"), *(value for _, value in parse_qsl(parts.query)), parts.password or ""]
    except ValueError:  # no URL by the rules of the web
        words = re.split(r"[/?&=@#]", url.partition("://")[2])
    return [url, *(word for part in words for word in dict.fromkeys((part, unquote(part))) if len(word) >= _MIN_SECRET)]


def hosts_that_are_tokens(urls: Iterable[str]) -> list[str]:
    """What stands where a host does in addresses of Apprise, and may be a token."""
    hosts = [re.split(r"[/?#]", url.partition("://")[2])[0].rpartition("@")[2].partition(":")[0] for url in urls]
    return [host for host in hosts if _HOST_IS_TOKEN.fullmatch(host)]
