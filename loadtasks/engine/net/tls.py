"""TLS as `requests` does it: verified, against its CA bundle or the one of REQUESTS_CA_BUNDLE; and why it failed."""

import os
import ssl
from pathlib import Path

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from loadtasks.errors import BadInputError

_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_EXPIRED = 10
_UNKNOWN_ISSUER = (18, 19, 20, 21)
"""X509_V_ERR_* of OpenSSL: self-signed, self-signed in the chain, no issuer's certificate, no first one verified."""


def ca_bundle() -> str:
    """The file or folder of CA certificates to verify targets against.

    Raises:
        BadInputError: the environment names one that isn't there.
    """
    for variable in _VARIABLES:
        given = os.environ.get(variable)
        if given:
            if not Path(given).exists():
                raise BadInputError(f"{variable}: {given} isn't there; name a file of CA certificates (PEM).")
            return given
    return DEFAULT_CA_BUNDLE_PATH


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
        raise BadInputError(f"{bundle}: no CA certificates (PEM) in it; see REQUESTS_CA_BUNDLE.") from error


def why(error: ssl.SSLError) -> str:
    """Why TLS failed, in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code == _EXPIRED:
            return "TLS failed: the target's certificate has expired"
        if error.verify_code in _UNKNOWN_ISSUER:
            return (
                f"TLS failed: no known CA has signed the target's certificate ({error.verify_message}); if it is the "
                "right one, name the file of its CA in REQUESTS_CA_BUNDLE"
            )
        return f"TLS failed: {error.verify_message.rstrip('.')}"
    if error.reason == "WRONG_VERSION_NUMBER":
        return "TLS failed: the target's answer is not TLS; does its address begin with http:// instead?"
    return f"TLS failed: {error.reason or error}"
