"""JSON documents as they are sent: with an entity tag, compressed when asked, and not at all when the client has them.

See RFC 9110, sections 8.8.3 (ETag), 12.5.3 (Accept-Encoding) and 13.1 (If-Match, If-None-Match).
"""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache

from flask import Response, request
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header, quote_etag

from app.web.problems import Problem

# Below this a document fits into one packet, compressed or not.
GZIP_MIN_BYTES = 1024
GZIP_LEVEL = 6
# An entity tag is of one sequence of bytes, so the compressed one has its own.
GZIP_SUFFIX = "-gzip"
READING = frozenset({"GET", "HEAD"})
REMEMBERED = 64


def tag(body: bytes) -> str:
    """Make the opaque part of the entity tag of a document: equal for equal bytes, in every process."""
    return hashlib.sha256(body).hexdigest()[:32]


# Documents that are asked for again and again are the same bytes: they are hashed and compressed once.
_remembered_tag = lru_cache(REMEMBERED)(tag)


@lru_cache(REMEMBERED)
def _compressed(body: bytes) -> bytes:
    return gzip.compress(body, GZIP_LEVEL, mtime=0)


@lru_cache(REMEMBERED)
def prefers_gzip(accept_encoding: str) -> bool:
    """Whether a client takes gzip at least as gladly as the plain document, which it always takes when it is silent."""
    accepted = parse_accept_header(accept_encoding, Accept)
    quality = accepted.quality("gzip")
    return quality > 0 and quality >= accepted.quality("identity")


def answer(body: bytes, status: int = 200) -> Response:
    """Make the response that carries a JSON document, or says that the client has it already (304).

    Raises:
        Problem: 412, a reading request's If-Match asks for another document than this one.
    """
    asked = request._get_current_object().environ  # type: ignore[attr-defined]  # the proxy looks it up at each use
    etag = _remembered_tag(body)
    headers = {"Vary": "Accept-Encoding", "Cache-Control": "private, no-cache"}
    if len(body) >= GZIP_MIN_BYTES and prefers_gzip(asked.get("HTTP_ACCEPT_ENCODING", "")):
        body, etag = _compressed(body), etag + GZIP_SUFFIX
        headers["Content-Encoding"] = "gzip"
    headers["ETag"] = quote_etag(etag)
    if asked["REQUEST_METHOD"] in READING:
        if "HTTP_IF_MATCH" in asked and not request.if_match.contains(etag):
            raise Problem(412, "The document is another one than If-Match names.", headers={"ETag": headers["ETag"]})
        if "HTTP_IF_NONE_MATCH" in asked and request.if_none_match.contains_weak(etag):
            headers.pop("Content-Encoding", None)
            return Response(status=304, headers=headers)
    return Response(body, status, headers, content_type="application/json")


def check_preconditions(body: bytes) -> None:
    """Make sure that a document may be replaced by the current request.

    Raises:
        Problem: 412, If-Match names another document than this one, or If-None-Match names this one.
    """
    etag = tag(body)
    headers = {"ETag": quote_etag(etag)}
    wanted, unwanted = request.if_match, request.if_none_match
    # Who read the compressed document means the same one.
    if "If-Match" in request.headers and not any(wanted.contains(each) for each in (etag, etag + GZIP_SUFFIX)):
        raise Problem(412, "The document was changed since: read it again, then put yours.", headers=headers)
    if any(unwanted.contains_weak(each) for each in (etag, etag + GZIP_SUFFIX)):
        raise Problem(412, "The document exists and is the one that If-None-Match names.", headers=headers)
