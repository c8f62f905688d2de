"""Secrets replaced by `***` in texts, in whatever notation they stand there.

What is replaced, capitals or not:

- A secret of 8 characters or more, wherever it stands; and any piece of 16 characters or more of such a secret, since a
  target may quote only a part of a token; of its beginning 4 characters where an ellipsis follows.
- A shorter secret where it stands alone, that is not within a longer word or number. Whoever chooses `a` as a password
  would otherwise read nothing but asterisks.

Both are found percent-encoded, escaped for JSON, HTML, Python or JavaScript, and several of these one within the other;
secrets of at least 5 characters also in base64 (standard and URL-safe, at any offset) and in hexadecimal digits.
"""

import contextlib
from collections.abc import Iterable, Iterator

from loadtasks.plain_text import plain
from loadtasks.redaction.views import decodings, readings

HIDDEN = "***"
"""What stands in place of a secret."""
MIN_ANYWHERE = 8
"""Characters from which a secret is replaced within words too."""
MIN_PIECE = 16
"""Characters from which a piece of a secret is replaced."""
_MIN_BEGINNING = 4
"""Characters from which the beginning of a long secret is replaced, where an ellipsis follows it."""
_ELLIPSES = ("…", "...")
_MIN_DECODED = 5
"""Characters from which a secret is looked for in base64 and in hexadecimal digits; less comes about by chance."""
_MAX_SECRETS_IN_PIECES = 1000
"""How many secrets (a feeder's column may have 100,000) are also found where a piece lacks their beginning."""
_WINDOW = 8192
"""Characters that are read beyond those shown, so that what follows a long token can be shown."""
_MAX_ESCAPE = 12
"""Characters that spell one character of a secret in the longest of the usual notations: UTF-8, percent-encoded."""
_MAX_REMEMBERED = 4096


class Redactor:
    """Replaces secrets in texts."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spelled = {spelling for secret in secrets for spelling in _spellings(secret)}
        self._seeds: dict[str, list[tuple[str, int]]] = {}
        """By 8 characters: the long secrets that contain them, and where."""
        self._beginnings: set[str] = set()
        self._short: dict[int, set[str]] = {}
        """The short secrets, by their length."""
        for secret in spelled:
            if len(secret) < MIN_ANYWHERE:
                self._short.setdefault(len(secret), set()).add(secret)
                continue
            if len(spelled) <= _MAX_SECRETS_IN_PIECES:
                self._beginnings.update(secret[:length] for length in range(_MIN_BEGINNING, MIN_PIECE + 1))
            last = len(secret) - MIN_ANYWHERE if len(spelled) <= _MAX_SECRETS_IN_PIECES else 0
            for offset in range(0, last + 1, MIN_ANYWHERE):
                self._seeds.setdefault(secret[offset : offset + MIN_ANYWHERE], []).append((secret, offset))
        self._remembered: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        if not self._seeds and not self._short:
            return text
        known = self._remembered.get(text)
        if known is None:
            if len(self._remembered) >= _MAX_REMEMBERED:
                self._remembered.clear()
            known = self._remembered[text] = self._redacted(text, len(text))
        return known

    def shortened(self, text: str, length: int, mark: str = "…") -> str:
        """The text without secrets, on one line of printable characters, cut to a length.

        What is cut off is cut after the secrets are replaced, so that no half of one stays; `mark` stands in its place.
        """
        seen = length + _WINDOW
        if len(text) <= seen:
            whole = plain(self(text))
            return whole if len(whole) <= length else whole[:length] + mark
        # The beginning of a secret that is too short to be recognised may stand at the end of what is read.
        shown = plain(self._redacted(text[:seen], seen - MIN_PIECE * _MAX_ESCAPE))
        return shown[:length] + mark

    @contextlib.contextmanager
    def in_errors(self) -> Iterator[None]:
        """Replace the secrets in the text of each error that leaves the block, and of those that caused it."""
        try:
            yield
        except BaseException as error:
            self._redact_error(error, set())
            raise

    def _redact_error(self, error: BaseException, seen: set[int]) -> None:
        if id(error) in seen:
            return
        seen.add(id(error))
        error.args = tuple(self(argument) if isinstance(argument, str) else argument for argument in error.args)
        for other in (error.__cause__, error.__context__, *error.args):
            if isinstance(other, BaseException):
                self._redact_error(other, seen)

    def _redacted(self, text: str, until: int) -> str:
        """The text up to a place, without the secrets that begin before that place."""
        pieces, at = [], 0
        for start, end in sorted(self._spans(text)):
            if start >= until:
                break
            if end <= at:
                continue
            if start >= at:
                pieces += [text[at:start], HIDDEN]
            at = end
        return "".join([*pieces, text[at:until]])

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where secrets stand in the text, in any order."""
        for reading in readings(text):
            for start, end in self._hits(reading.text, 1):
                yield reading.starts[start], reading.ends[end - 1]
            for decoding in decodings(reading):
                for start, end in self._hits(decoding.text, _MIN_DECODED):
                    yield decoding.starts[start], decoding.ends[end - 1]

    def _hits(self, text: str, min_length: int) -> Iterator[tuple[int, int]]:
        folded, at = _folded(text), 0
        while at < len(folded):
            hit = (
                self._long_at(folded, at)
                or self._short_at(folded, at, min_length)
                or (self._begun_before(folded, at) if folded.startswith(_ELLIPSES, at) else None)
            )
            if hit is not None:
                yield hit
            at = max(at + 1, hit[1] if hit is not None else 0)

    def _long_at(self, text: str, at: int) -> tuple[int, int] | None:
        """The longest stretch around a place that is a long secret, or a piece of one."""
        found: tuple[int, int] | None = None
        for secret, offset in self._seeds.get(text[at : at + MIN_ANYWHERE], ()):
            before = _equal(text[max(0, at - offset) : at][::-1], secret[:offset][::-1])
            after = _equal(text[at : at + len(secret) - offset], secret[offset:])
            length = before + after
            if length >= min(len(secret), MIN_PIECE) and (found is None or length > found[1] - found[0]):
                found = at - before, at + after
        return found

    def _begun_before(self, text: str, at: int) -> tuple[int, int] | None:
        """The beginning of a long secret that ends at a place, where somebody has cut the text."""
        for length in range(min(MIN_PIECE, at), _MIN_BEGINNING - 1, -1):
            if text[at - length : at] in self._beginnings:
                return at - length, at
        return None

    def _short_at(self, text: str, at: int, min_length: int) -> tuple[int, int] | None:
        """The short secret that stands alone at a place."""
        if at and text[at - 1].isalnum():
            return None
        for length, secrets in self._short.items():
            end = at + length
            if length >= min_length and text[at:end] in secrets and not text[end : end + 1].isalnum():
                return at, end
        return None


def _spellings(secret: str) -> Iterator[str]:
    """The secret in lower case, and as the target may take its bytes for other characters."""
    folded = _folded(secret)
    if folded.strip():
        yield folded
    if " " in folded:
        yield folded.replace(" ", "+")  # as forms are encoded
    yield secret.upper().casefold()  # longer than the secret where a letter is two as a capital, as "ß" is "SS"
    if not folded.isascii():
        yield _folded(secret.encode("utf-8", "replace").decode("latin-1"))
        yield _folded(secret.encode("latin-1", "replace").decode("utf-8", "replace"))


def _folded(text: str) -> str:
    """The text without the difference of small letters and capitals, with as many characters as before."""
    folded = text.casefold()
    if len(folded) == len(text):
        return folded
    return "".join(character.casefold() if len(character.casefold()) == 1 else character for character in text)


def _equal(one: str, other: str) -> int:
    """How many characters are the same at the beginning of both."""
    shorter = min(len(one), len(other))
    if one[:shorter] == other[:shorter]:
        return shorter
    return next(number for number in range(shorter) if one[number] != other[number])
