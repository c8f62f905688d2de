"""Scripted latencies: when each request is answered, and in closed form the percentiles that an open load must find.

A request that arrives t seconds after the first one is answered at `respond_at(n, t)`; n counts the requests from 0.
Response time is response - due, and an open load of rate r sends a request when it is due, so arrival = due. L is the
latency outside of what a script adds.

    Constant   Every response after L, so every percentile is L.

    Sometimes  Every 95th response after M instead of L: 1.05 %. With exactly 1 % the 99th percentile would lie on the
               edge between L and M, where any value between them is right and tools differ by how they interpolate; so
               the share is a few requests larger, and p(q) = L for q up to 94/95, M above.

    Stall      Every P seconds nothing is answered for S seconds; what would have been, is at the stall's end. A request
               that is due L before the stall begins or u < S seconds later is answered L + S - u after it was due.
               Requests come evenly, so of the r P of a period r S have response times spread evenly over (L, L + S],
               and all others have L. The slowest ones, a share of 1 - q, are those above p(q):

                   r (L + S - p) = (1 - q) r P,   so   p(q) = L + S - (1 - q) P   where that is more than L, else L

               With P = 5 s, S = 0.5 s, L = 5 ms: p50 = 5 ms, p99 = 455 ms.

               With only c connections, no more than c requests are under way in the stall; the others wait for a
               connection, and from the stall's end c of them are answered every L. The k-th request of the stall is due
               at u = k / r and is answered k L / c after the end: its response time is L + S - k / r (1 - rho), with
               rho = r L / c, the share of the connections that the rate keeps busy. The same count gives

                   p(q) = L + S - (1 - q) P (1 - rho)

               With c = 10 and r = 500/s: p99 = 467.5 ms. Service time (response - sent) leaves the wait out: all but c
               of the r P = 2,500 requests of a period were answered after L, so that its p99 is L. That is what a
               closed loop of c users would report.
"""

from dataclasses import dataclass
from typing import Protocol


class Script(Protocol):
    """One scripted latency. All times in seconds."""

    @property
    def latency_s(self) -> float:
        """L of the module's docstring."""

    def respond_at(self, number: int, arrival_s: float) -> float:
        """When a request is answered; both times are counted from the first request's arrival."""

    def quantile_s(self, q: float, utilisation: float = 0.0) -> float:
        """Quantile of the response time of an open load; `utilisation` is rho, 0 for unlimited connections."""


@dataclass(frozen=True)
class Constant:
    """The same latency for every request."""

    latency_s: float

    def respond_at(self, number: int, arrival_s: float) -> float:
        """When a request is answered, in seconds after the first request's arrival."""
        return arrival_s + self.latency_s

    def quantile_s(self, q: float, utilisation: float = 0.0) -> float:
        """Quantile of the response time of an open load."""
        return self.latency_s


@dataclass(frozen=True)
class Sometimes:
    """One slow request in every `every`."""

    latency_s: float
    slow_s: float
    every: int

    def respond_at(self, number: int, arrival_s: float) -> float:
        """When a request is answered; the last of each `every` is slow."""
        slow = number % self.every == self.every - 1
        return arrival_s + (self.slow_s if slow else self.latency_s)

    def quantile_s(self, q: float, utilisation: float = 0.0) -> float:
        """Quantile of the response time of an open load."""
        return self.latency_s if q <= 1 - 1 / self.every else self.slow_s


@dataclass(frozen=True)
class Stall:
    """A time in which no request is answered, once in every period; the first begins at half the period."""

    latency_s: float
    stall_s: float
    every_s: float

    def respond_at(self, number: int, arrival_s: float) -> float:
        """When a request is answered, in seconds after the first request's arrival."""
        response_s = arrival_s + self.latency_s
        into_stall_s = (response_s - self.every_s / 2) % self.every_s
        return response_s + max(0.0, self.stall_s - into_stall_s)

    def quantile_s(self, q: float, utilisation: float = 0.0) -> float:
        """Quantile of the response time of an open load over whole periods."""
        stalled_s = self.latency_s + self.stall_s - (1 - q) * self.every_s * (1 - utilisation)
        return max(self.latency_s, stalled_s)


SCRIPTS: dict[str, Script] = {
    "constant 5 ms": Constant(0.005),
    "5 ms, every 95th 100 ms": Sometimes(0.005, slow_s=0.1, every=95),
    "5 ms, a 500 ms stall every 5 s": Stall(0.005, stall_s=0.5, every_s=5.0),
}
