"""Secrets taken out of texts, in whatever notation."""

import base64
import html
import json
import string
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtasks.redaction.redactor import HIDDEN, MIN_PIECE, Redactor

NOTATIONS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "capitals": str.upper,
    "percent-encoded": lambda text: quote(text, safe=""),
    "percent-encoded in small letters": lambda text: quote(text, safe="").lower(),
    "every character percent-encoded": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "percent-encoded twice": lambda text: quote(quote(text, safe=""), safe=""),
    "form-encoded": quote_plus,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON with escaped slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON escapes": lambda text: "".join(f"\\u{unit:04x}" for unit in _utf16(text)),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "HTML": html.escape,
    "HTML in numbers": lambda text: "".join(f"&#{ord(character)};" for character in text),
    "HTML in hexadecimal": lambda text: "".join(f"&#x{ord(character):X};" for character in text),
    "HTML in JSON": lambda text: json.dumps(html.escape(text)),
    "Python": repr,
    "Python's bytes": lambda text: repr(text.encode()),
    "with a zero-width space": "\u200b".join,
}
BINARY: dict[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of a pair": lambda text: base64.b64encode(f"user:{text}".encode()).decode(),
    "base64 within something": lambda text: base64.b64encode(f"ab{text}, and more".encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 in lines": lambda text: base64.encodebytes(b"." * 40 + text.encode() * 4).decode(),
    "base64 percent-encoded": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "hexadecimal": lambda text: text.encode().hex(),
}
SECRET = 'sk/Live+9=x"&<Zq~7%41-\\nT'


def _utf16(text: str) -> list[int]:
    data = text.encode("utf-16-be")
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


@pytest.mark.parametrize("notation", [*NOTATIONS, *BINARY])
@pytest.mark.parametrize("secret", [SECRET, "pässwörd für ünïcode 😀", "correct horse battery", "0000000µ", "0000000ß"])
def test_a_secret_is_found_in_every_notation(secret: str, notation: str) -> None:
    written = (NOTATIONS | BINARY)[notation](secret)
    shown = Redactor([secret])(f"<< {written} >>")
    assert HIDDEN in shown
    assert written not in shown
    assert shown.startswith("<< ")
    assert shown.endswith(" >>")
    if notation in NOTATIONS:
        assert len(shown) <= len("<< *** >>") + 6


# What a request can hold: no control characters. The rest of the text never holds half of a secret by chance.
characters = st.characters(min_codepoint=0x21, max_codepoint=0x2FF, blacklist_categories=("Cc", "Cf", "Cs", "Cn", "Zs"))
secret_texts = st.text(characters, min_size=8, max_size=60)
surroundings = st.text(st.sampled_from(" .,;:!?()-\n"), max_size=300)


@pytest.mark.slow
@given(secret_texts, st.sampled_from(sorted(NOTATIONS)), surroundings, surroundings, st.integers(1, 400))
def test_no_notation_of_a_secret_stays_however_the_text_is_cut(
    secret: str, notation: str, before: str, after: str, length: int
) -> None:
    written = NOTATIONS[notation](secret)
    for shown in (
        Redactor([secret])(before + written + after),
        Redactor([secret]).shortened(before + written + after, length),
    ):
        # `plain` changes spaces, so what counts is that none of the secret's own letters stays.
        kept = shown.replace(HIDDEN, "").rstrip("…*")
        assert not set(kept.lower()) & (set(secret.lower()) & set(string.ascii_lowercase + string.digits)) - set("bx")


@given(st.text(st.sampled_from(string.ascii_letters + string.digits), min_size=MIN_PIECE, max_size=400), st.data())
def test_a_piece_of_a_secret_that_the_target_quotes_is_found(secret: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, (len(secret) - MIN_PIECE) // 8)) * 8
    end = data.draw(st.integers(start + MIN_PIECE, len(secret)))
    assert Redactor([secret])(f"({secret[start:end]} ...)") == "(*** ...)"


@pytest.mark.parametrize("before", range(150, 210))
def test_the_cut_leaves_no_half_of_a_secret(before: int) -> None:
    secret = "0123456789" * 4
    shown = Redactor([secret]).shortened("." * before + secret + "." * 20_000, 200)
    assert shown == ("." * before + HIDDEN + "." * 50)[:200] + "…"


@pytest.mark.slow
def test_what_follows_a_long_secret_is_shown_and_nothing_of_one_at_the_end_of_what_is_read() -> None:
    secret = "abcdefghij" * 100
    redactor = Redactor([secret])
    assert redactor.shortened(secret + " is unknown", 200) == "*** is unknown"
    for length in range(8000, 8600, 7):
        assert set(redactor.shortened(secret * 8 + "-" * (length - 8000) + secret * 100, 200)) <= set("*-…")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "a test failed: tests, latest, 'test', test-1 /test?x=test",
            "a *** failed: tests, latest, '***', ***-1 /***?x=***",
        ),
        ("%20test%20 &quot;test&quot; \\ntest\\n", "%20***%20 &quot;***&quot; \\n***\\n"),
        ("TEST Test", "*** ***"),
    ],
)
def test_a_short_secret_is_hidden_only_where_it_stands_alone(text: str, shown: str) -> None:
    assert Redactor(["test", ""])(text) == shown


def test_the_longest_of_several_secrets_counts() -> None:
    assert Redactor(["user:password-of-1", "password-of-1"])("as user:password-of-1.") == "as ***."
    assert Redactor(["token-0001", "token-0001-b"])("token-0001-b token-0001") == "*** ***"


def test_the_secrets_of_a_large_feeder_are_found() -> None:
    redactor = Redactor(f"{number:06}-row-secret" for number in range(50_000))
    assert redactor("no user 049999-row-secret here") == "no user *** here"
    assert redactor("no user 050000-row-secret here") == "no user 050000-row-secret here"


def test_without_secrets_nothing_changes() -> None:
    assert Redactor()("Bearer abc\n") == "Bearer abc\n"
    assert Redactor([""]).shortened("a\x1b[31m\n b", 200) == "a [31m b"


def test_errors_lose_their_secrets_with_all_that_caused_them() -> None:
    def fail() -> None:
        with Redactor(["token-0001"]).in_errors():
            raise ValueError("no token-0001") from KeyError("token-0001")

    with pytest.raises(ValueError, match=r"^no \*\*\*$") as raised:
        fail()
    assert repr(raised.value.__cause__) == "KeyError('***')"
