"""Where a page of a sorted list ended, as one opaque word that the next request hands back."""

from __future__ import annotations

import binascii
import json
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime

ID_MAX = 2**63 - 1


@dataclass(frozen=True)
class Cursor:
    """The last row of a page.

    Attributes:
        sort: The sort of the list, a ``-`` before the field when it descends.
        value: The row's value in it.
        id: The row's id.
    """

    sort: str
    value: datetime | float
    id: int

    def encode(self) -> str:
        """Write it as letters, digits, ``-`` and ``_``."""
        value = self.value.isoformat() if isinstance(self.value, datetime) else self.value
        return urlsafe_b64encode(json.dumps([self.sort, value, self.id]).encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, word: str, sort: str, kind: type[datetime] | type[float]) -> Cursor:
        """Read one that a client sent.

        Args:
            word: What it sent.
            sort: The sort that it asked for too.
            kind: What the values of that sort are.

        Raises:
            ValueError: It isn't one, or belongs to another sort.
        """
        try:
            found_sort, value, row_id = json.loads(urlsafe_b64decode(word + "=" * (-len(word) % 4)))
            value = datetime.fromisoformat(value) if kind is datetime else float(value)
            in_range = type(row_id) is int and abs(row_id) <= ID_MAX
            usable = value.tzinfo is not None if isinstance(value, datetime) else math.isfinite(value)
        except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
            in_range = usable = False
        if not (in_range and usable):
            raise ValueError("is not one that an answer's next gave")
        if found_sort != sort:
            raise ValueError("belongs to another sort")
        return cls(sort, value, row_id)
