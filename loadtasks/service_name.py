"""The names of services: whose API a run exercised. Only runs of one service are ever compared.

Somebody gives a service its name; one that has none goes by its address.
"""

import hashlib
import re
import unicodedata
from urllib.parse import urlsplit

MAX_LENGTH = 200
_MAX_FILE_NAME_LENGTH = 80
_PORTS = {"https": 443, "http": 80}


def service_at(url: str) -> str:
    """The name of a service without one: the host, port and path of its address, `api.example.com:443/v2`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:  # no address, and so nothing that can be shortened
        return url
    return f"{f'[{host}]' if ':' in host else host}:{port}{parts.path.rstrip('/')}"


def checked_name(name: str) -> str:
    """A name as somebody gives it. A URL stands for the service at that address.

    Raises:
        ValueError: it is empty, too long, or has characters that can't be seen.
    """
    name = name.strip()
    if not name or len(name) > MAX_LENGTH or not name.isprintable():
        raise ValueError("not the name of a service")
    return service_at(name) if "://" in name else name


def file_name(name: str) -> str:
    """A name under which files of a service can be kept; no two services have the same."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:_MAX_FILE_NAME_LENGTH]
    return safe if safe == name else f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def slug(name: str) -> str:
    """A name in `[a-z0-9-]`, for identifiers of other systems: `Payments (EU)` is `payments-eu`.

    Letters lose their accents; of a name in which no character is left it is `service-` and a part of its hash. Several
    names may have the same one.
    """
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    kept = re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")[:_MAX_FILE_NAME_LENGTH].strip("-")
    return kept or f"service-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
