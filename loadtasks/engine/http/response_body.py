"""A response's body, decompressed: whole for the checks, and as much as people read of it where a response failed."""

import codecs
import io
import unicodedata
import zlib
from collections.abc import Mapping
from email.message import Message
from typing import NamedTuple

import urllib3

MAX_CHECKED = 4 * 1024 * 1024
"""Bytes of a body that checks read, as it arrives and decompressed; a larger one is a failure."""
MAX_QUOTED = 65_536
"""Bytes that are decompressed to be shown. More than is shown: secrets are replaced before anything is cut off."""
_MAX_BETWEEN = 1024 * 1024
"""Bytes between two decompressions, where a body was compressed several times."""
_MAX_CODINGS = 5
_MAX_MEMBERS = 1000
"""Members of a gzip body: each takes a few microseconds, however small it is."""
_PIECE = 65_536
_MAX_CONTENT_TYPE = 1000
_GZIP, _ZLIB, _RAW = 31, 15, -15
"""`wbits` of zlib."""
_GZIP_MAGIC = b"\x1f\x8b"
_ELSEWHERE = ("br", "zstd")
"""Codings that urllib3 decodes where their decoder is installed."""
_NO_TEXT = ("image", "audio", "video", "font", "model")
_SNIFFED = 2048
_MAX_STRANGE = 0.3
"""Share of control characters, and of those that don't exist, beyond which UTF-8 is no text."""
_MAX_STRANGE_ELSE = 0.03
"""The same where it is no UTF-8 and no charset is named: random bytes have a tenth of them."""
_NO_CHARSETS = frozenset({"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape"})
"""Codecs that Python takes for encodings of text, and that no Content-Type means."""
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class _Decoded(NamedTuple):
    """What decompressing gave."""

    data: bytes
    problem: str = ""
    """Why it is not the whole, as a clause on the body; empty where it is, or where more was not asked for."""
    has_more: bool = False


class TooLargeError(ValueError):
    """A body that is larger than what checks read."""


def decoded_body(body: bytes, encoding: str, most: int = MAX_CHECKED) -> bytes:
    """The body before the server compressed it.

    Args:
        body: as it arrived.
        encoding: the Content-Encoding, empty where there is none.
        most: bytes that are decompressed.

    Raises:
        TooLargeError: it is larger than that; a clause.
        ValueError: it doesn't decompress, or its coding is unknown; a clause.
    """
    if not encoding:
        return body
    decoded = _decoded(body, encoding, most + 1)
    if decoded.problem:
        raise ValueError(f"the body {decoded.problem}")
    if len(decoded.data) > most:
        raise TooLargeError(
            f"the body is larger than {most >> 10:,} KiB when it is decompressed, the most that is read"
        )
    return decoded.data


def quoted_body(body: bytes, headers: Mapping[str, str], size: int | None = None) -> str:
    """The beginning of a body as text; of one that is no text, what it is. Empty for an empty body.

    Nothing is printable yet, nor without secrets. `headers` have names in lower case. `size`: bytes of the whole body,
    where `body` is only its beginning.
    """
    size = len(body) if size is None else size
    if not body:
        return ""
    decoded = _decoded(body, headers.get("content-encoding", ""), MAX_QUOTED)
    content_type = headers.get("content-type", "")
    text = _text(decoded.data, content_type)
    if text or (text is not None and not decoded.problem):
        return f"(a body that {decoded.problem}) {text}" if decoded.problem else text
    if decoded.problem:
        return f"a body of {size:,} bytes that {decoded.problem}"
    named = f" of {content_type.partition(';')[0].strip()}" if content_type else ", which are no text"
    return f"a body of {size:,} bytes{named}"


def _decoded(body: bytes, encoding: str, limit: int) -> _Decoded:
    codings = [coding.strip().lower().removeprefix("x-") for coding in encoding.split(",")]
    codings = [coding for coding in codings if coding not in ("", "identity")]
    if len(codings) > _MAX_CODINGS:
        return _Decoded(b"", f"is compressed {len(codings)} times")
    decoded = _Decoded(body)
    for number, coding in enumerate(reversed(codings), 1):
        is_cut = decoded.has_more
        decoded = _of_one_coding(decoded.data, coding, limit if number == len(codings) else max(limit, _MAX_BETWEEN))
        if decoded.problem and is_cut and decoded.data:
            decoded = decoded._replace(problem="", has_more=True)
        if decoded.problem:
            break
    return decoded


def _of_one_coding(data: bytes, coding: str, limit: int) -> _Decoded:
    match coding:
        case "gzip":
            return _or_as_it_is(_inflated(data, _GZIP, "gzip", limit), data)
        case "deflate":  # zlib's format (RFC 9110, section 8.4.1.2), or the bare one, which some servers send
            whole = (_inflated(data, wbits, "deflate", limit) for wbits in (_ZLIB, _RAW))
            decoded = next((decoded for decoded in whole if not decoded.problem), None)
            return decoded or _or_as_it_is(_inflated(data, _ZLIB, "deflate", limit), data)
        case _ if coding in _ELSEWHERE and coding in urllib3.HTTPResponse.CONTENT_DECODERS:
            return _through_urllib3(data, coding, limit)
    return _Decoded(b"", f"is compressed with {coding}, for which no decoder is installed")


def _or_as_it_is(decoded: _Decoded, data: bytes) -> _Decoded:
    """What was decompressed; where nothing could be, and the data is text as it is, the data."""
    return decoded._replace(data=data) if decoded.problem and not decoded.data and _is_text(data) else decoded


def _inflated(data: bytes, wbits: int, coding: str, limit: int) -> _Decoded:
    """Inflate, member after member as gzip has them (RFC 1952, section 2.2), never to more than `limit` bytes."""
    inflated, at = bytearray(), 0
    for _ in range(_MAX_MEMBERS):
        decompressor = zlib.decompressobj(wbits)
        try:
            # In pieces: what follows a member is copied, which must not be the whole rest each time.
            while at < len(data) and not decompressor.eof and len(inflated) < limit:
                piece = data[at : at + _PIECE]
                inflated += decompressor.decompress(piece, limit - len(inflated))
                at += len(piece) - len(decompressor.unused_data)
        except zlib.error:
            if inflated:
                return _Decoded(bytes(inflated), f"is cut short or damaged, compressed with {coding}")
            return _Decoded(b"", f"is not compressed with {coding} as its header says")
        if len(inflated) >= limit:
            return _Decoded(bytes(inflated), has_more=True)
        if not decompressor.eof:
            return _Decoded(bytes(inflated), f"is cut short, compressed with {coding}")
        if not data.startswith(_GZIP_MAGIC, at) or wbits != _GZIP:
            return _Decoded(bytes(inflated))
    return _Decoded(bytes(inflated), f"has more than {_MAX_MEMBERS:,} members, compressed with {coding}")


def _through_urllib3(data: bytes, coding: str, limit: int) -> _Decoded:
    response = urllib3.HTTPResponse(
        io.BytesIO(data), headers={"content-encoding": coding}, status=200, preload_content=False
    )
    try:
        decoded = response.read(limit, decode_content=True)
    except urllib3.exceptions.HTTPError:
        return _Decoded(b"", f"is cut short, damaged or not compressed with {coding} as its header says")
    return _Decoded(decoded, has_more=len(decoded) >= limit)


def _text(data: bytes, content_type: str) -> str | None:
    """The bytes as text, by the charset of the Content-Type or by their looks; None where they are no text."""
    marked = next((encoding for mark, encoding in _BYTE_ORDER_MARKS if data.startswith(mark)), None)
    charset = marked or _charset(content_type)
    if charset is not None:
        text = data.decode(charset, "replace")
        return text if _looks_like_text(text, _MAX_STRANGE) else None
    if content_type.partition("/")[0].strip().lower() in _NO_TEXT and "+xml" not in content_type:
        return None
    try:
        text, most = codecs.getincrementaldecoder("utf-8")().decode(data), _MAX_STRANGE  # its last character may be cut
    except UnicodeDecodeError:
        text, most = data.decode("cp1252", "replace"), _MAX_STRANGE_ELSE
    return text if _looks_like_text(text, most) else None


def _charset(content_type: str) -> str | None:
    """The charset that a Content-Type names, where Python knows it."""
    header = Message()
    try:
        header["content-type"] = content_type[:_MAX_CONTENT_TYPE]
        named = str(header.get_param("charset") or "")
        codec = codecs.lookup(named)
        b"x".decode(named, "replace")  # refused by what is no encoding of text
    except (LookupError, UnicodeError, ValueError):
        return None
    return None if codec.name.replace("-", "_") in _NO_CHARSETS else codec.name


def _is_text(data: bytes) -> bool:
    return _text(data, "") is not None


def _looks_like_text(text: str, most: float) -> bool:
    """Whether at most this share of the beginning is strange; zeros at the end fill up a buffer."""
    seen = text.rstrip("\0")[:_SNIFFED]
    strange = sum(_is_strange(character) for character in seen)
    return strange <= most * len(seen) and bool(seen or not text)


def _is_strange(character: str) -> bool:
    if character == "\N{REPLACEMENT CHARACTER}":
        return True
    return unicodedata.category(character) in ("Cc", "Cn", "Co") and not character.isspace()
