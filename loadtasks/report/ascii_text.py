"""Texts in ASCII, for mail subjects: searched by filters, sorted by programs, and read where nothing decodes them."""

# ruff: noqa: RUF001 - the typographic signs are meant

import unicodedata

_WRITTEN = str.maketrans(
    {
        "→": "->",
        "−": "-",
        "–": "-",
        "—": "-",
        "×": "x",
        "±": "+-",
        "µ": "u",
        "μ": "u",
        "≤": "<=",
        "≥": ">=",
        "…": "...",
        "·": "-",
        "“": '"',
        "”": '"',
        "„": '"',
        "‘": "'",
        "’": "'",
        "\N{NO-BREAK SPACE}": " ",
        "\N{NARROW NO-BREAK SPACE}": " ",
        "ß": "ss",
        "ø": "o",
        "Ø": "O",
        "æ": "ae",
        "Æ": "AE",
        "ł": "l",
        "Ł": "L",
    }
)


def in_ascii(text: str) -> str:
    """A text without accents and typographic signs: `p95 182 ms -> 251 ms`.

    A letter of another script has no such form and stays: a name that people don't recognize helps nobody.
    """
    decomposed = unicodedata.normalize("NFKD", text.translate(_WRITTEN))
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    return plain if plain.isascii() else unicodedata.normalize("NFC", text.translate(_WRITTEN))


def slug(text: str) -> str:
    """A text as letters, digits and single hyphens of ASCII, for identifiers: `shop-eu`; it may be empty."""
    kept = [character if character.isascii() and character.isalnum() else " " for character in in_ascii(text).lower()]
    return "-".join("".join(kept).split())
