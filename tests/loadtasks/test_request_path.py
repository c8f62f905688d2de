"""Paths: what is taken is sent as it is written, and the rest is refused."""

from urllib.parse import unquote_to_bytes, urlsplit

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter

from loadtasks.request_path import check_path

REFUSED = {
    "": "must start with `/`",
    "a": "must start with `/`",
    "http://host/a": "must start with `/`",
    "//host/a": "would name another host",
    "/a#b": "no fragment",
    "/a?b#c": "no fragment",
    "/a/../b": "segment",
    "/..": "segment",
    "/a/.": "segment",
    "/./a": "segment",
    "/%2e%2E/a": "segment",
    "/a/.%2e?x": "segment",
    "/a\\b": "backslash",
    "/a\nb": "control characters",
    "/a\x00": "control characters",
    "/a\ud800": "control characters",
    "/100%": "write it as %25",
    "/a%zz": "write it as %25",
    "/a?b=%2": "write it as %25",
    "/a?": "empty query",
}
TAKEN = [
    "/",
    "/a b/ü?q=x y&z=ö",
    "/a//b/",
    "/.../..a/a../.a",
    "/a/..;/b",
    "/%2F%25%c3%bc%7E",
    "/a?x=../b/..",
    "/a?b?c&",
    "/a;p=1?filter[x]=1",
    "/@:!$&'()*+,;=~",
    '/"<>^`{|}[]',
]


def on_the_wire(path: str) -> str:
    """The target that `requests` writes into the request line."""
    prepared = requests.Request("GET", f"http://host{path}").prepare()
    assert urlsplit(prepared.url).netloc == "host"
    return str(HTTPAdapter().request_url(prepared, {}))


def is_sent_as_written(path: str) -> bool:
    """Whether a server that decodes what it gets has what was written, with as many segments and parameters."""
    sent, written = on_the_wire(path), path.encode("utf-8")
    return unquote_to_bytes(sent) == unquote_to_bytes(written) and all(
        sent.count(mark) == path.count(mark) for mark in "/?&;="
    )


@pytest.mark.parametrize(("path", "words"), REFUSED.items())
def test_a_path_is_refused_with_a_reason(path: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_path(path)


@pytest.mark.parametrize("path", TAKEN)
def test_a_path_is_taken(path: str) -> None:
    check_path(path)
    assert is_sent_as_written(path)


@given(st.text("ab/.%2eEfF?#&=;~ ü\\:@[]\"'\n+", max_size=14).map("/{}".format) | st.text().map("/{}".format))
@example("/%2e%2e/b")
@example("/a%20b%zz")
@example("/a?")
def test_what_is_taken_is_sent_as_it_is_written(path: str) -> None:
    try:
        check_path(path)
    except ValueError:
        return
    assert is_sent_as_written(path)
