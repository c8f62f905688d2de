"""A histogram of times: 1 µs to 10 min, 3 significant digits, exact to merge.

Buckets are those of HdrHistogram (Gil Tene, http://hdrhistogram.org) with a unit of 1 µs and 3 significant digits: 2048
linear sub-buckets, then 1024 for each further doubling. With ``b = max(0, bit_length(v) - 11)`` the bucket of the value
``v`` (whole µs) is ``(b << 10) + (v >> b)``. The arithmetic is done on a NumPy array of counts, so that recording a
batch costs microseconds; the hdrhistogram library writes and reads the standard V2 encoding that is stored.
"""

import math
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from hdrh.histogram import HdrHistogram
from numpy.typing import NDArray
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

_MIN_US = 1
_MAX_US = 600_000_000
_DIGITS = 3
_SUB_BUCKET_BITS = 11
_HALF_BITS = _SUB_BUCKET_BITS - 1
_BUCKETS = ((_MAX_US.bit_length() - _SUB_BUCKET_BITS) << _HALF_BITS) + (1 << _SUB_BUCKET_BITS)


def _bucket(value_us: NDArray[np.int64]) -> NDArray[np.int64]:
    # frexp's exponent is the bit length of a whole number below 2**53.
    bits = np.frexp(value_us.astype(np.float64))[1].astype(np.int64)
    shift = np.maximum(0, bits - _SUB_BUCKET_BITS)
    return (shift << _HALF_BITS) + (value_us >> shift)


def _bounds_us() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The lowest and the highest value (µs, both inclusive) of every bucket."""
    index = np.arange(_BUCKETS, dtype=np.int64)
    shift = np.maximum(0, (index >> _HALF_BITS) - 1)
    lowest = (index - (shift << _HALF_BITS)) << shift
    return lowest, lowest + (np.int64(1) << shift) - 1


_LOWEST_OF_BUCKET_US, _HIGHEST_OF_BUCKET_US = _bounds_us()
_MIDDLE_OF_BUCKET_US = (_LOWEST_OF_BUCKET_US + _HIGHEST_OF_BUCKET_US + 1) / 2


def min_count(q: float, confidence: float = 0.95) -> int:
    """The smallest sample for which `Histogram.interval_s` bounds the quantile ``q`` (above 0, below 1) on both sides.

    The smallest n with ``q**n`` and ``(1 - q)**n`` both at most ``(1 - confidence) / 2``: all n times lie below the
    quantile, or all above it, no more often than that. 6 for a median, 72 for a p95, 368 for a p99, 3,688 for a p99.9.
    """
    return math.ceil(math.log((1 - confidence) / 2) / math.log(max(q, 1 - q)))


class Histogram:
    """Counts of times in buckets at most 0.1 % wide. Times go in and come out in seconds."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: NDArray[np.int64] = np.zeros(_BUCKETS, dtype=np.int64)

    def record(self, seconds: NDArray[np.float64]) -> None:
        """Record a batch of times; those outside 1 µs to 10 min count at the nearer end."""
        value_us = np.clip(np.rint(seconds * 1e6), _MIN_US, _MAX_US).astype(np.int64)
        self._counts += np.bincount(_bucket(value_us), minlength=_BUCKETS)

    def add(self, other: Self) -> None:
        """Merge another histogram into this one, exactly."""
        self._counts += other._counts

    @property
    def count(self) -> int:
        """How many times were recorded."""
        return int(self._counts.sum())

    @property
    def mean_s(self) -> float | None:
        """Mean in seconds, within 0.1 %; None when empty."""
        used = np.flatnonzero(self._counts)  # few of many: the product of all takes 4 ms
        total = self.count
        return float(self._counts[used] @ _MIDDLE_OF_BUCKET_US[used]) / total / 1e6 if total else None

    @property
    def max_s(self) -> float | None:
        """Largest recorded time in seconds, within 0.1 %; None when empty."""
        used = np.flatnonzero(self._counts)
        return float(_HIGHEST_OF_BUCKET_US[used[-1]]) / 1e6 if used.size else None

    def quantile_s(self, q: float) -> float | None:
        """The smallest time that a share ``q`` (0 to 1) of all times does not exceed; None when empty."""
        total = self.count
        if not total:
            return None
        rank = max(1, int(np.ceil(q * total - 1e-9)))
        index = int(np.searchsorted(np.cumsum(self._counts), rank))
        return float(_HIGHEST_OF_BUCKET_US[index]) / 1e6

    def interval_s(self, q: float, confidence: float = 0.95) -> tuple[float, float] | None:
        """The confidence interval of the quantile ``q`` in seconds: covers the true one with at least this confidence.

        Of n independent times, the number below the quantile is binomial B(n, q), whatever their distribution. So the
        quantile lies between the order statistics of the ranks l and u with a probability of P(l <= B < u), where l is
        the largest rank with P(B < l), and u the smallest with P(B >= u), at most half of ``1 - confidence``
        (David & Nagaraja, Order Statistics, 3rd edition, section 7.1; Hahn & Meeker, Statistical Intervals, section
        5.2). The bounds are the outer ones of the buckets that hold these two times.

        None where there are fewer times than `min_count`, since then a bound would lie beyond the smallest or the
        largest of them. Times that depend on each other, as those of one long stall do, hold less than they seem to,
        and their interval is too narrow.
        """
        from scipy.special import bdtrik  # noqa: PLC0415 - takes 0.15 s, and only reports need it

        total = self.count
        if total < min_count(q, confidence):
            return None
        beyond = (1 - confidence) / 2
        below, not_above = (math.ceil(bdtrik(share, total, q)) for share in (beyond, 1 - beyond))
        lower, upper = np.searchsorted(np.cumsum(self._counts), [below, not_above + 1])
        return float(_LOWEST_OF_BUCKET_US[lower]) / 1e6, float(_HIGHEST_OF_BUCKET_US[upper]) / 1e6

    def steps(self) -> Iterator[tuple[float, int]]:
        """Every bucket in use, ascending: its highest time in seconds and its count."""
        for index in np.flatnonzero(self._counts):
            yield float(_HIGHEST_OF_BUCKET_US[index]) / 1e6, int(self._counts[index])

    def encode(self) -> str:
        """HdrHistogram V2 compressed encoding, base64."""
        histogram = HdrHistogram(_MIN_US, _MAX_US, _DIGITS)
        for index in np.flatnonzero(self._counts):
            histogram.record_value(int(_LOWEST_OF_BUCKET_US[index]), int(self._counts[index]))
        encoded: bytes = histogram.encode()
        return encoded.decode("ascii")

    @classmethod
    def decode(cls, encoded: str) -> Self:
        """The histogram that `encode` wrote.

        Raises:
            ValueError: the text is not such an encoding, or of other bounds.
        """
        try:
            source = HdrHistogram.decode(encoded)
            # The library's own iterators take 130 ms for what reading its array of counts takes 1 ms.
            counts = np.ctypeslib.as_array(source.counts).astype(np.int64)
        except Exception as error:  # the library raises whatever its codec, zlib and base64 raise
            raise ValueError(f"not an HdrHistogram V2 encoding: {error}") from error
        if counts.size != _BUCKETS:
            raise ValueError("not an HdrHistogram V2 encoding of 1 µs to 10 min with 3 significant digits")
        histogram = cls()
        histogram._counts = counts
        return histogram

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and bool(np.array_equal(self._counts, other._counts))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Histogram(count={self.count}, p50_s={self.quantile_s(0.5)}, max_s={self.max_s})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        """In pydantic models a histogram is written and read as its encoding."""
        from_text = core_schema.no_info_after_validator_function(cls.decode, core_schema.str_schema())
        return core_schema.json_or_python_schema(
            json_schema=from_text,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), from_text]),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda h: h.encode(), when_used="json"),
        )
