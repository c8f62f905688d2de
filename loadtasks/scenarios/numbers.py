"""Numbers that keep the text they were written as: 1.10 is the number 1.1, but not the text."""

from decimal import Decimal
from typing import Self

_MAX_DIGITS = 1000


class WrittenFloat(float):
    """A number with a point or an exponent, and its text."""

    written: str

    def __new__(cls, value: str | float) -> Self:
        """A number from its text."""
        number = super().__new__(cls, value)
        number.written = str(value)
        return number

    @property
    def is_exact(self) -> bool:
        """Whether the number is what its text says, and not only near to it."""
        try:
            return len(self.written) <= _MAX_DIGITS and Decimal(self.written) == Decimal(repr(float(self)))
        except ArithmeticError:  # an exponent beyond all bounds
            return False

    @property
    def is_sent_as_written(self) -> bool:
        """Whether the number as a text is its own text."""
        return self.written == repr(float(self))
