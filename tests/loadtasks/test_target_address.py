"""Addresses of targets: what is taken is requested as `requests` would, and no refusal shows a password."""

import re
from base64 import b64decode

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st

from loadtasks.target_address import Credentials, TargetAddress, masked

TAKEN = {
    "http://127.0.0.1:8000": "http://127.0.0.1:8000",
    "http://api.example": "http://api.example",
    "https://api.example/": "https://api.example",
    "HTTPS://API.example/V1/": "https://api.example/V1",
    "localhost:8000": "http://localhost:8000",
    "localhost:8000/base": "http://localhost:8000/base",
    "127.0.0.1:80": "http://127.0.0.1:80",
    "[::1]:8000": "http://[::1]:8000",
    "http://[2001:DB8::1]/v1": "http://[2001:db8::1]/v1",
    "http://my_service:8000": "http://my_service:8000",
    "http://api.example.": "http://api.example.",
    "http://Bücher.example/ü": "http://xn--bcher-kva.example/ü",
    "http://h/a//b/v1.2/..x/%C3%BC;p": "http://h/a//b/v1.2/..x/%C3%BC;p",
}
REFUSED = {
    "nowhere": "begins with neither",
    "example.com/base": "begins with neither",
    "//host": "names no host",
    "/base": "names no host",
    "": "names no host",
    "http://": "names no host",
    "http:///path": "names no host",
    "http:/host": "not a number",
    "http:host": "not a number",
    "http:8000": "begins with neither",
    "https:443/x": "begins with neither",
    ":8000": "names no host",
    "http://:8000": "names no host",
    "ftp://host": "scheme is neither",
    "ws://host:1": "scheme is neither",
    "file:///etc/passwd": "scheme is neither",
    "http://host:": "not a number from 1 to 65535",
    "http://host:/": "not a number",
    "http://host:0": "not a number",
    "http://host:65536": "not a number",
    "http://host:080": "not a number",
    "http://host:-1": "not a number",
    "http://host:٣": "not a number",
    "http://host:80:80": "IPv6 address stands in brackets",
    "http://::1": "IPv6 address stands in brackets",
    "http://[::1": "stands in brackets",
    "http://::1]": "stands in brackets",
    "http://[::1]8000": "neither a port nor a path",
    "http://[host]": "not an IPv6 address",
    "http://[fe80::1%25eth0]": "zones are not possible",
    "http://[]": "not an IPv6 address",
    "http://a..b": "not a name",
    "http://.a": "not a name",
    "http://*.a": "not a name",
    "http://a%20b": "not a name",
    "http://a,b": "not a name",
    f"http://{'a' * 64}": "not a name",
    f"http://{'.'.join(['a' * 50] * 6)}": "not a name",
    "http://\u2260\u2260.example": "not a name",
    "http://h o": "has a blank",
    " http://host": "has a blank",
    "http://host\n": "has a blank",
    "http://host\u00a0": "has a blank",
    "http://host\x00": "has a blank",
    "http:\\\\host": "has a blank, a control character or a backslash",
    "http://host/a\\b": "backslash",
    "http://host/?a=b": "has a query",
    "http://host?": "has a query",
    "http://host/base#top": "has a fragment",
    "http://host#": "has a fragment",
    "http://host/a/../b": "segment `.` or `..`",
    "http://host/%2e%2E": "segment `.` or `..`",
    "http://host/100%": "begins no escape",
    "http://host//base": "starts with `//`",
    "http://host/base//": "several slashes",
    "http://host//": "starts with `//`|several slashes",
    "http://@host": "no user and no password",
    "http://:@host": "no user and no password",
}
SECRET = "s3cret-Pw"
"""Stands in each of these where a password does, whatever is wrong with them."""
WITH_PASSWORD = [
    "http://user:s3cret-Pw@ho st",
    "http://user:#s3cret-Pw@host",
    "http://user:p@s3cret-Pw@host",
    "http://user:s3cret-Pw@host:port",
    "http://user:x/s3cret-Pw@host",
    "http://user:80/s3cret-Pw@host",
    "http://user:?s3cret-Pw@host",
    "http://user:[s3cret-Pw@host",
    "http://user:%s3cret-Pw@host",
    "http://user:s3cret-Pw%ff@host",
    "http://user:s3cret-Pw%00x@host",
    "http://us%3Aer:s3cret-Pw@host",
    "http://user:s3cret-Pw@host?x",
    "http://user:s3cret-Pw@host/../x",
    "http://user:s3cret-Pw@",
    "http:/user:s3cret-Pw@host",
    "http:user:s3cret-Pw@host",
    "//user:s3cret-Pw@host",
    "user:s3cret-Pw@host",
    "user://s3cret-Pw@host:1",
    "ftp://user:s3cret-Pw@host",
    "http://user:s3cret-Pw\n@host",
    "http://user:s3cret-Pw",
    "user:s3cret-Pw",
    "http://host/?token=s3cret-Pw",
    "http://host/#s3cret-Pw",
]


def requested(url: str) -> str:
    """The address that `requests` would ask for."""
    return str(requests.Request("GET", url).prepare().url)


@pytest.mark.parametrize(("text", "url"), TAKEN.items())
def test_an_address_is_taken(text: str, url: str) -> None:
    address = TargetAddress.parse(text)
    assert (address.url, address.credentials) == (url, None)
    written = text if "://" in text else f"http://{text}"
    assert requested(f"{address.url}/") == requested(f"{written.removesuffix('/')}/")


@pytest.mark.parametrize(("text", "words"), REFUSED.items())
def test_an_address_is_refused_with_a_reason(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        TargetAddress.parse(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", WITH_PASSWORD)
def test_a_refusal_shows_no_password(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as refused:
        TargetAddress.parse(text)
    assert SECRET not in str(refused.value)
    assert SECRET not in masked(text)
    assert "***" in masked(text)


@given(st.text(), st.sampled_from(["http://", "https://", "HTTP://", "", "//", "http:/"]), st.text(), st.text())
def test_whatever_stands_before_the_last_at_is_masked(before: str, start: str, user: str, host: str) -> None:
    shown = masked(f"{start}{user}:{before}{SECRET}@{host}")
    assert SECRET not in shown
    assert shown.isprintable()


@pytest.mark.parametrize("text", ["http://host:8000/base", "nowhere", "ftp://x", "127.0.0.1:80", "http://[::1"])
def test_an_address_without_secrets_is_shown_as_it_is(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    ("user_info", "user", "password"),
    [
        ("loadbot:s3cret-Pw", "loadbot", "s3cret-Pw"),
        ("a%40b:p%3Aq%2Fr%23s%3Ft%25u%5Bv", "a@b", "p:q/r#s?t%u[v"),
        ("user:a:b", "user", "a:b"),
        ("user", "user", ""),
        ("user:", "user", ""),
        (":token", "", "token"),
        ("Zo%C3%AB:p%C3%A4ss", "Zoë", "päss"),
        ("Zoë:päss", "Zoë", "päss"),
        ("u:p+q&r=s", "u", "p+q&r=s"),
    ],
)
def test_user_and_password_are_taken_out(user_info: str, user: str, password: str) -> None:
    address = TargetAddress.parse(f"http://{user_info}@api.example:81/v1")
    assert address.credentials == Credentials(user, password)
    assert address.url == str(address) == "http://api.example:81/v1"
    assert not password or password not in repr(address)
    assert not password or password not in repr(address.credentials)
    scheme, _, encoded = Credentials(user, password).authorization().partition(" ")
    assert (scheme, b64decode(encoded).decode()) == ("Basic", f"{user}:{password}")
    if f"{user}{password}".isascii() and user and password:
        sent = requests.Request("GET", f"http://{user_info}@api.example").prepare().headers["Authorization"]
        assert sent == Credentials(user, password).authorization()


NAMES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,12}[A-Za-z0-9_]\.?", fullmatch=True) | st.from_regex(
    r"[a-zäöüßéç0-9]{1,10}(\.[a-zäöü]{1,5}){0,2}", fullmatch=True
)
HOSTS = NAMES | st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map("[{}]".format)
PATHS = st.lists(st.text("abA./%29C3EeZzü ~;:@!$&'()*+,=\"<>[]{}|^`\\-_?#", max_size=6), max_size=4).map("/".join)
ADDRESSES = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["http://", "https://", "HTTP://"]),
    HOSTS | st.text("aB.-_[]:%@ü\\ *~", max_size=8),
    st.integers(0, 70_000).map(":{}".format) | st.sampled_from(["", ":", ":a", ":08"]),
    PATHS.map("/{}".format) | st.just(""),
)


@given(ADDRESSES)
@example("http://a/%2e%2e/b")
@example("http://h/%7Euser/%c3%bc")
def test_what_is_taken_is_requested_as_requests_does(text: str) -> None:
    try:
        address = TargetAddress.parse(text)
    except ValueError:
        return
    assert "@" not in text or address.credentials
    bare = re.sub("//.*@", "//", text)
    assert requested(f"{address.url}/x") == requested(f"{bare.removesuffix('/')}/x")
    # Nothing of it was resolved or cut: what is requested has as many segments as what was written.
    assert requested(f"{address.url}/x").count("/") == f"{bare.removesuffix('/')}/x".count("/")
    assert TargetAddress.parse(address.url) == TargetAddress.parse(bare)
