from app.websockets.handshake import is_allowed_origin


def test_allowed_origins():
    assert is_allowed_origin("https://Example.com:8443", "example.com:8443", frozenset())
    assert not is_allowed_origin("https://example.com:8443", "example.com", frozenset())
    assert not is_allowed_origin("", "", frozenset())
    assert not is_allowed_origin("null", "", frozenset())
    assert not is_allowed_origin("null", "null", frozenset())
