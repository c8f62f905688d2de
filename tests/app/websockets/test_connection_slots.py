from app.websockets.connection_slots import ConnectionSlots


def test_both_limits_hold():
    slots = ConnectionSlots(3, 1)
    assert slots.acquire(pending=True)
    assert not slots.acquire(pending=True)
    slots.authenticated()
    assert slots.acquire(pending=True)
    assert slots.acquire(pending=False)
    assert not slots.acquire(pending=False)
    slots.release(pending=True)
    assert slots.acquire(pending=False)
    assert not slots.acquire(pending=True)
