import random

from app.websockets.messages import MIN_DEFLATED_BYTES, OutboundMessage


def test_only_messages_that_it_makes_smaller_are_compressed():
    long = "all the same " * 100
    assert len(OutboundMessage(long).deflated) < len(OutboundMessage(long).plain) / 5
    short = "a" * (MIN_DEFLATED_BYTES - 5)
    assert OutboundMessage(short).deflated == OutboundMessage(short).plain
    noise = "".join(chr(random.Random(1).randrange(0x4E00, 0x9FFF)) for _ in range(200))
    assert OutboundMessage(noise).deflated[0] & 0x40
    assert len(OutboundMessage(noise).deflated) <= len(OutboundMessage(noise).plain)
