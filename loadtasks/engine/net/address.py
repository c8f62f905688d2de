"""Where the bytes of a target's requests go: host, port and TLS."""

import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from loadtasks.engine.net.target import Target
from loadtasks.engine.net.tls import verifying_context

_HTTPS_PORT, _HTTP_PORT = 443, 80


@dataclass(frozen=True, slots=True)
class Address:
    """Host, port and, for https, how the certificate is verified."""

    host: str
    """A name, or an IP address without brackets."""
    port: int
    tls: ssl.SSLContext | None
    """None for http."""

    @classmethod
    def of(cls, target: Target) -> "Address":
        """The address of a target; TLS verifies against the bundle that `requests` would use.

        Raises:
            BadInputError: no such bundle.
        """
        parts = urlsplit(target.url)
        secure = parts.scheme == "https"
        port = parts.port or (_HTTPS_PORT if secure else _HTTP_PORT)
        return cls(parts.hostname or "", port, verifying_context() if secure else None)
