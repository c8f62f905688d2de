"""The end of a page of a sorted list, as an opaque text that the next request sends back."""

from __future__ import annotations

import binascii
import json
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime

MAX_ID = 2**63 - 1


@dataclass(frozen=True)
class PageCursor:
    """The last row of a page."""

    sort: str
    """The sort of the list, with a `-` before the field if it descends."""
    value: datetime | float
    """The row's value in the sorted field."""
    id: int
    """The row's id."""

    def encode(self) -> str:
        """Encode the cursor as letters, digits, `-` and `_`."""
        value = self.value.isoformat() if isinstance(self.value, datetime) else self.value
        return urlsafe_b64encode(json.dumps([self.sort, value, self.id]).encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, sort: str, kind: type[datetime] | type[float]) -> PageCursor:
        """Decode a cursor that a client sent.

        Args:
            text: The encoded cursor.
            sort: The sort of the request.
            kind: The type of the values in the sorted field.

        Raises:
            ValueError: It isn't a cursor, or it belongs to another sort.
        """
        try:
            cursor_sort, value, row_id = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            value = datetime.fromisoformat(value) if kind is datetime else float(value)
            in_range = type(row_id) is int and abs(row_id) <= MAX_ID
            usable = value.tzinfo is not None if isinstance(value, datetime) else math.isfinite(value)
        except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
            in_range = usable = False
        if not (in_range and usable):
            raise ValueError("is not the next of an earlier response")
        if cursor_sort != sort:
            raise ValueError("belongs to another sort")
        return cls(sort, value, row_id)
