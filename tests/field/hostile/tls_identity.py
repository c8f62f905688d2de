"""Certificates of the hostile servers: one that the runs trust, and one that they don't."""

import functools
import ssl
from pathlib import Path

import trustme


@functools.cache
def _authority() -> trustme.CA:
    return trustme.CA()


def _context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@functools.cache
def server_context() -> ssl.SSLContext:
    """The server's side of TLS with a certificate that the runs trust."""
    return _context(_authority())


@functools.cache
def untrusted_context() -> ssl.SSLContext:
    """The same with a certificate of an authority that nobody knows."""
    return _context(trustme.CA())


def write_authority(path: Path) -> Path:
    """Write the certificate of the authority that the runs trust, for `REQUESTS_CA_BUNDLE`."""
    _authority().cert_pem.write_to_path(str(path))
    return path
