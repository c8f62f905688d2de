import math
import time

from app.websockets.client import WebSocketClient
from app.websockets.deadlines import Deadlines


def test_a_later_deadline_replaces_an_earlier_one():
    class Someone(WebSocketClient):
        def __init__(self) -> None:
            self.due = math.inf

    deadlines, early, late, never = Deadlines(), Someone(), Someone(), Someone()
    assert deadlines.remaining_s() is None
    now = time.monotonic()
    deadlines.set(late, now - 3)
    deadlines.set(late, now - 1)
    deadlines.set(early, now - 2)
    deadlines.set(never, now - 2)
    deadlines.remove(never)
    assert deadlines.remaining_s() == 0
    assert list(deadlines.take_due()) == [early, late]
    deadlines.set(early, now + 1000)
    assert 0 < deadlines.remaining_s() <= 1000
    assert list(deadlines.take_due()) == []
