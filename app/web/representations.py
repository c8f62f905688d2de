"""JSON documents with an entity tag: compressed on request, and not sent again to a client that has them.

See RFC 9110, sections 8.8.3 (ETag), 12.5.3 (Accept-Encoding) and 13.1 (If-Match, If-None-Match).
"""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache

from flask import Response, request
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header, quote_etag

from app.web.problems import ApiProblemError

# A smaller document fits into one packet, compressed or not.
MIN_GZIP_BYTES = 1024
GZIP_LEVEL = 6
# An entity tag identifies one sequence of bytes, so the compressed document has a tag of its own.
GZIP_SUFFIX = "-gzip"
READING_METHODS = frozenset({"GET", "HEAD"})
CACHED_DOCUMENTS = 64


def tag(body: bytes) -> str:
    """Make the opaque part of a document's entity tag: equal for equal bytes, in every process."""
    return hashlib.sha256(body).hexdigest()[:32]


# Documents that are requested repeatedly are hashed and compressed once.
_cached_tag = lru_cache(CACHED_DOCUMENTS)(tag)


@lru_cache(CACHED_DOCUMENTS)
def _compressed(body: bytes) -> bytes:
    return gzip.compress(body, GZIP_LEVEL, mtime=0)


@lru_cache(CACHED_DOCUMENTS)
def prefers_gzip(accept_encoding: str) -> bool:
    """Whether a client accepts gzip with at least the quality of the uncompressed document."""
    accepted = parse_accept_header(accept_encoding, Accept)
    quality = accepted.quality("gzip")
    return quality > 0 and quality >= accepted.quality("identity")


def document_response(body: bytes, status: int = 200) -> Response:
    """Make the response with a JSON document, or a 304 if the client has it already.

    Raises:
        ApiProblemError: 412, a reading request's If-Match names another document.
    """
    environ = request._get_current_object().environ  # type: ignore[attr-defined]  # the proxy looks it up at each use
    etag = _cached_tag(body)
    headers = {"Vary": "Accept-Encoding", "Cache-Control": "private, no-cache"}
    if len(body) >= MIN_GZIP_BYTES and prefers_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")):
        body, etag = _compressed(body), etag + GZIP_SUFFIX
        headers["Content-Encoding"] = "gzip"
    headers["ETag"] = quote_etag(etag)
    if environ["REQUEST_METHOD"] in READING_METHODS:
        if "HTTP_IF_MATCH" in environ and not request.if_match.contains(etag):
            raise ApiProblemError(412, "If-Match names another document.", headers={"ETag": headers["ETag"]})
        if "HTTP_IF_NONE_MATCH" in environ and request.if_none_match.contains_weak(etag):
            headers.pop("Content-Encoding", None)
            return Response(status=304, headers=headers)
    return Response(body, status, headers, content_type="application/json")


def check_preconditions(body: bytes) -> None:
    """Check that the current request may replace a document.

    Raises:
        ApiProblemError: 412, If-Match names another document than this one, or If-None-Match names this one.
    """
    etag = tag(body)
    headers = {"ETag": quote_etag(etag)}
    # The tag of the compressed document stands for the same document.
    etags = (etag, etag + GZIP_SUFFIX)
    if "If-Match" in request.headers and not any(request.if_match.contains(etag) for etag in etags):
        raise ApiProblemError(412, "The document has changed: read it again, then repeat the change.", headers=headers)
    if any(request.if_none_match.contains_weak(etag) for etag in etags):
        raise ApiProblemError(412, "The document exists and is the one that If-None-Match names.", headers=headers)
