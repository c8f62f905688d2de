"""Bodies decompressed: whole for checks, in part for people."""

import gzip
import random
import tracemalloc
import zlib

import pytest
import urllib3

from loadtasks.engine.http.response_body import decoded_body, quoted_body

TEXT = '{"error": "no größer thing"}'
BODY = TEXT.encode()
NOISE = random.Random(1).randbytes(5000)


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (BODY, ""),
        (BODY, "identity"),
        (gzip.compress(BODY, mtime=0), "gzip"),
        (gzip.compress(BODY, mtime=0), "X-GZIP"),
        (gzip.compress(BODY[:5], mtime=0) + gzip.compress(BODY[5:], mtime=0), "gzip"),
        (zlib.compress(BODY), "deflate"),
        (raw_deflate(BODY), "deflate"),
        (gzip.compress(zlib.compress(BODY), mtime=0), "deflate, gzip"),
        (gzip.compress(BODY, mtime=0), "identity, gzip"),
        (gzip.compress(BODY, mtime=0) + b"\0\0", "gzip"),
    ],
)
def test_a_compressed_body_is_read_as_it_was(body: bytes, encoding: str) -> None:
    assert decoded_body(body, encoding) == BODY
    assert quoted_body(body, {"content-encoding": encoding}) == TEXT


@pytest.mark.parametrize(
    ("body", "encoding", "shown"),
    [
        (NOISE, "br", "a body of 5,000 bytes that is compressed with br, for which no decoder is installed"),
        (NOISE, "zstd", "a body of 5,000 bytes that is compressed with zstd, for which no decoder is installed"),
        (NOISE, "lzma2", "a body of 5,000 bytes that is compressed with lzma2, for which no decoder is installed"),
        (gzip.compress(NOISE, mtime=0), "gzip, br", "that is compressed with br, for which no decoder is installed"),
        (BODY, "gzip", f"(a body that is not compressed with gzip as its header says) {TEXT}"),
        (BODY, "deflate", f"(a body that is not compressed with deflate as its header says) {TEXT}"),
        (NOISE, "gzip", "a body of 5,000 bytes that is not compressed with gzip as its header says"),
        (gzip.compress(BODY * 9, mtime=0)[:-12], "gzip", f"(a body that is cut short, compressed with gzip) {TEXT}"),
        (b"", "gzip", ""),
        (BODY, ", ".join(["gzip"] * 9), f"a body of {len(BODY)} bytes that is compressed 9 times"),
    ],
)
def test_what_does_not_decompress_is_named(
    body: bytes, encoding: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(urllib3.HTTPResponse, "CONTENT_DECODERS", ["gzip", "deflate"])
    assert shown in quoted_body(body, {"content-encoding": encoding})
    if body:
        with pytest.raises(ValueError, match=r"^the body is "):
            decoded_body(body, encoding)


def test_br_and_zstd_are_left_to_urllib3_where_it_has_a_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    class Decoding(urllib3.HTTPResponse):
        CONTENT_DECODERS = ["br"]  # noqa: RUF012 - as urllib3 has it

        def read(self, amt: int | None = None, **_: object) -> bytes:
            assert self.headers["content-encoding"] == "br"
            return BODY[:amt]

    monkeypatch.setattr(urllib3, "HTTPResponse", Decoding)
    assert quoted_body(b"...", {"content-encoding": "br"}) == TEXT
    assert decoded_body(b"...", "br") == BODY


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip"])
def test_a_bomb_takes_no_memory(encoding: str) -> None:
    bomb = gzip.compress(b"a" * 100_000_000, 9)
    if "," in encoding:
        bomb = gzip.compress(bomb, mtime=0)
    tracemalloc.start()
    try:
        text = quoted_body(bomb, {"content-encoding": encoding})
        assert text == "a" * 65_536
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    with pytest.raises(ValueError, match="larger than 4,096 KiB when it is decompressed"):
        decoded_body(bomb, encoding)


@pytest.mark.parametrize(
    ("body", "content_type", "shown"),
    [
        (BODY, "application/json", TEXT),
        (TEXT.encode("latin-1"), "text/plain; charset=ISO-8859-1", TEXT),
        (TEXT.encode("utf-16"), "text/plain; charset=utf-16", TEXT),
        (TEXT.encode("utf-16-le"), 'text/plain; charset="utf-16le"', TEXT),
        (TEXT.encode("utf-16"), "", TEXT),
        (TEXT.encode("utf-8-sig"), "", TEXT),
        (TEXT.encode("cp1252"), "text/html", TEXT),
        (BODY, "text/plain; charset=unheard-of", TEXT),
        (BODY, "text/plain; charset=rot13", TEXT),
        (BODY, "text/plain; charset=idna", TEXT),
        (BODY[:15], "", '{"error": "no gr'[:14]),
        (b"<svg>", "image/svg+xml", "<svg>"),
        (b"\x89PNG\r\n\x1a\n" + NOISE, "image/png", "a body of 5,008 bytes of image/png"),
        (NOISE, "application/octet-stream", "a body of 5,000 bytes of application/octet-stream"),
        (NOISE, "", "a body of 5,000 bytes, which are no text"),
        (b"\0\1\2", "text/plain", "a body of 3 bytes of text/plain"),
        (b"", "image/png", ""),
    ],
)
def test_a_body_is_text_by_its_charset_or_named(body: bytes, content_type: str, shown: str) -> None:
    assert quoted_body(body, {"content-type": content_type}).startswith(shown)
    assert bool(quoted_body(body, {"content-type": content_type})) == bool(shown)
