"""What was seen of a load's connections without any request failing for it."""

from dataclasses import dataclass, field
from typing import Self

from loadtasks.measurement.errors import ErrorCode
from loadtasks.measurement.model import UnreachableAddress


@dataclass(slots=True)
class ConnectionRecord:
    """Stale connections, and addresses that accepted none."""

    stale: int = 0
    """Requests that were sent again, since the target closed the idle connection that they were sent over."""
    unreachable: dict[str, ErrorCode] = field(default_factory=dict)
    """Why addresses of the target's name accepted no connection though another one did, by address."""

    def merge(self, other: Self) -> None:
        """Add what another record has."""
        self.stale += other.stale
        self.unreachable = other.unreachable | self.unreachable

    def unreachable_addresses(self) -> list[UnreachableAddress]:
        """The addresses as the measurement keeps them."""
        return [UnreachableAddress(address=address, code=code) for address, code in sorted(self.unreachable.items())]
