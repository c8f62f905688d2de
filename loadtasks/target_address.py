"""Addresses of targets: read once, from whatever people write, and refused where `requests` would read another one.

An address is scheme, host, port and a path prefix. User and password in it are taken out, so that the address can be
stored and shown. A refusal never shows what may be a password.
"""

import re
from base64 import b64encode
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from typing import NamedTuple, Self
from urllib.parse import unquote

import idna

from loadtasks.request_path import check_path

_HIDDEN = "***"
_SCHEMES = ("http", "https")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_MAX_PORT = 65_535
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_MAX_NAME = 253
"""RFC 1035, section 2.3.4, without the dot at the end."""
_UNSENDABLE = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\\]|\s")
_ESCAPES = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_TOKEN = re.compile(r"[!-~]{1,16384}")
_ENCODE = "in user and password write % as %25, @ as %40, / as %2F, ? as %3F and # as %23, in a path @ as %40"


def checked_token(token: str) -> str:
    """A bearer token as it is sent: without the white space around it that files and pipes leave.

    Raises:
        ValueError: it can't stand in a header; a clause that shows nothing of it.
    """
    token = token.strip()
    if not _TOKEN.fullmatch(token):
        raise ValueError("a token has 1 to 16,384 printable ASCII characters, and no blanks among them")
    return token


class Credentials(NamedTuple):
    """User and password of HTTP Basic authentication (RFC 7617)."""

    user: str
    password: str

    @classmethod
    def checked(cls, user: str, password: str) -> Self:
        """User and password as they are sent: without the white space around them that files and pipes leave.

        Raises:
            ValueError: they can't be sent; a clause that shows nothing of them.
        """
        user, password = user.strip(), password.strip()
        if _CONTROL.search(user + password) or ":" in user:
            raise ValueError("Basic authentication takes no control characters, and no colon in a user")
        if not user and not password:
            raise ValueError("no user and no password are given")
        return cls(user, password)

    def __repr__(self) -> str:
        return f"Credentials({_HIDDEN})"

    def authorization(self) -> str:
        """The value of the header `Authorization`."""
        return f"Basic {b64encode(f'{self.user}:{self.password}'.encode()).decode('ascii')}"


@dataclass(frozen=True)
class TargetAddress:
    """Where a target is, and how to log in there if its address says that."""

    scheme: str
    """`http` or `https`."""
    host: str
    """A name as it is sent, in ASCII and lower case, or an IP address; without brackets."""
    port: int | None
    """None where the address names none."""
    path: str
    """The prefix of every path, as it is written; without a slash at its end."""
    credentials: Credentials | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address; without a scheme, `host:port` is http.

        Raises:
            ValueError: it isn't one; a clause that shows nothing of it.
        """
        if _UNSENDABLE.search(text):
            raise ValueError("it has a blank, a control character or a backslash in it")
        split = _SCHEME.fullmatch(text)
        scheme, rest = (split[1].lower(), split[2]) if split else ("http", text)
        if scheme not in _SCHEMES:
            raise ValueError("its scheme is neither http nor https")
        user_info, at, rest = rest.rpartition("@")
        credentials = _credentials(user_info) if at else None
        if found := re.search("[?#]", rest):
            what = "query" if found[0] == "?" else "fragment"
            raise ValueError(f"an address ends with host, port and path, and this one has a {what}")
        authority, slash, path = rest.partition("/")
        host, port = _host_and_port(authority)
        if split is None and (port is None or host in _SCHEMES):
            raise ValueError("it begins with neither http:// nor https://")
        return cls(scheme, host, port, _prefix(slash + path), credentials)

    @property
    def url(self) -> str:
        """The address as text, without user and password, and without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{'' if self.port is None else f':{self.port}'}{self.path}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: who gets what is sent to this address."""
        return self.scheme, self.host, self.port or (443 if self.scheme == "https" else 80)

    def __str__(self) -> str:
        return self.url


def masked(text: str) -> str:
    """An address that may be wrong, on one line and without anything that may be a password in it."""
    line = " ".join(text.split())
    line = re.sub(r"^(https?://)?.*@", rf"\1{_HIDDEN}@", line, flags=re.IGNORECASE)
    line = re.sub(r"([?#]).*", rf"\1{_HIDDEN}", line)
    # What stands where a port should be may be the password of an address that lacks its host.
    line = re.sub(r"^((?:[A-Za-z]+://)?[^/:\[\]]*:)(?!//)(?=[^/]*[^/0-9])[^/]+", rf"\1{_HIDDEN}", line)
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line)


def is_ipv6(host: str) -> bool:
    """Whether this is an IPv6 address, which stands in brackets in a URL."""
    try:
        IPv6Address(host)
    except ValueError:
        return False
    return True


def _credentials(user_info: str) -> Credentials:
    if re.search(r"[@/?#\[\]]", user_info) or _ESCAPES.search(user_info):
        raise ValueError(f"what stands before its last @ is not `user:password`; {_ENCODE}")
    user, _, password = user_info.partition(":")
    try:
        user, password = unquote(user, errors="strict"), unquote(password, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("the percent-escapes of its user or password are not UTF-8") from None
    return Credentials.checked(user, password)


def _host_and_port(authority: str) -> tuple[str, int | None]:
    bracketed = re.fullmatch(r"\[([^\[\]]*)\](.*)", authority)
    if bracketed:
        host, port = bracketed.groups()
        if "%" in host or not is_ipv6(host):
            raise ValueError("what stands in its brackets is not an IPv6 address (zones are not possible)")
        if port and not port.startswith(":"):
            raise ValueError("its brackets are followed by neither a port nor a path")
        host = host.lower()
    else:
        if re.search(r"[\[\]]", authority) or authority.count(":") > 1:
            raise ValueError("an IPv6 address stands in brackets, and nothing else does")
        host, colon, port = authority.partition(":")
        host, port = _name(host), colon + port
    if not port:
        return host, None
    if not _PORT.fullmatch(port[1:]) or int(port[1:]) > _MAX_PORT:
        raise ValueError(f"its port is not a number from 1 to {_MAX_PORT}")
    return host, int(port[1:])


def _name(name: str) -> str:
    """A host's name as it is sent: internationalised labels as `requests` encodes them (IDNA 2008)."""
    if not name:
        raise ValueError("it names no host")
    try:
        labels = [
            label.lower() if label.isascii() else idna.encode(label.lower(), strict=True, std3_rules=True).decode()
            for label in name.removesuffix(".").split(".")
        ]
    except idna.IDNAError:
        raise ValueError("its host is not a name that can be looked up") from None
    encoded = ".".join(labels)
    if not all(map(_LABEL.fullmatch, labels)) or len(encoded) > _MAX_NAME:
        raise ValueError("its host is not a name of letters, digits, hyphens and dots")
    return encoded + "." * name.endswith(".")


def _prefix(path: str) -> str:
    prefix = path.removesuffix("/")
    if prefix:
        check_path(prefix)
    if prefix.endswith("/"):
        raise ValueError("its path ends with several slashes")
    return prefix
