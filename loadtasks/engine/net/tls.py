"""TLS as `requests` does it: verified against its CA bundle or that of REQUESTS_CA_BUNDLE; and why it failed."""

import os
import ssl
from pathlib import Path

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from loadtasks.errors import BadInputError
from loadtasks.input_files import UnusableFileError, is_folder, read_bytes

_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_MAX_BUNDLE = 64 * 1024 * 1024
"""Bytes of a file of CA certificates; those of Debian have a quarter of a mebibyte."""
_EXPIRED = 10
CLOSED_IN_HANDSHAKE = "TLS failed: the target closed the connection during the handshake"
_UNKNOWN_ISSUER = (18, 19, 20, 21)
"""OpenSSL's X509_V_ERR_*: self-signed, self-signed in the chain, no local issuer, leaf signature unverified."""


def ca_bundle() -> str:
    """The file or folder of CA certificates to verify targets against.

    Raises:
        BadInputError: the environment names one that does not exist.
    """
    for variable in _VARIABLES:
        given = os.environ.get(variable)
        if given:
            _check_bundle(variable, Path(given))
            return given
    return DEFAULT_CA_BUNDLE_PATH


def _check_bundle(variable: str, path: Path) -> None:
    """See that a path is a folder or a file, which OpenSSL reads without asking what it is.

    Raises:
        BadInputError: it isn't.
    """
    if is_folder(path):
        return
    try:
        read_bytes(path, _MAX_BUNDLE)
    except UnusableFileError as error:
        raise BadInputError(f"{variable}: {path}: {error}; name a file of CA certificates (PEM).") from None


def verifying_context() -> ssl.SSLContext:
    """A client's context that verifies certificate and host name.

    Raises:
        BadInputError: the environment names a CA bundle that can't be used.
    """
    bundle = ca_bundle()
    try:
        if Path(bundle).is_dir():
            return ssl.create_default_context(capath=bundle)
        return ssl.create_default_context(cafile=bundle)
    except ssl.SSLError as error:
        raise BadInputError(f"{bundle} has no CA certificates (PEM); see REQUESTS_CA_BUNDLE.") from error


def why(error: ssl.SSLError) -> str:
    """Why TLS failed, as a clause."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code == _EXPIRED:
            return "TLS failed: the target's certificate has expired"
        if error.verify_code in _UNKNOWN_ISSUER:
            return (
                f"TLS failed: no known CA has signed the target's certificate ({error.verify_message}); if you trust "
                "it, name the file of its CA in REQUESTS_CA_BUNDLE"
            )
        return f"TLS failed: {error.verify_message.rstrip('.')}"
    if error.reason == "WRONG_VERSION_NUMBER":
        return "TLS failed: the target does not respond with TLS; does its address begin with http:// instead?"
    return f"TLS failed: {error.reason or error}"
