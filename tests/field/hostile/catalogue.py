"""All hostile cases: importing this module makes them."""

from tests.field.hostile import (  # noqa: F401 - each module adds its cases
    bombs,
    broadcasts,
    closes,
    drips,
    frames,
    framing,
    handshakes,
    heads,
    probes,
    sizes,
    tls,
)
from tests.field.hostile.case import CASES

__all__ = ["CASES"]
