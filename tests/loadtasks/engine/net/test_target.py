"""A target's address and its login: what is sent, and what is never shown."""

import pickle

import pytest

from loadtasks.engine.net.target import Target
from loadtasks.errors import BadInputError
from loadtasks.target_address import Credentials

BASIC = {"Authorization": "Basic bG9hZGJvdDpzM2NyZXQtUHc="}
LOADBOT = Credentials("loadbot", "s3cret-Pw")


def test_user_and_password_of_the_address_are_sent_as_basic() -> None:
    target = Target("http://loadbot:s3cret-Pw@127.0.0.1:8000/base/")
    assert (target.url, target.credentials, target.token) == ("http://127.0.0.1:8000/base", LOADBOT, None)
    assert target.headers() == BASIC
    assert "s3cret" not in repr(target)
    assert pickle.loads(pickle.dumps(target)) == target == Target("http://127.0.0.1:8000/base", credentials=LOADBOT)


def test_a_token_is_sent_as_bearer_and_nothing_without_one() -> None:
    assert Target("localhost:80", "t").headers() == {"Authorization": "Bearer t"}
    assert Target("localhost:80").headers() == {}
    assert "secret" not in repr(Target("localhost:80", "secret"))


@pytest.mark.parametrize(
    ("url", "token", "credentials", "words"),
    [
        ("http://loadbot:s3cret-Pw@host", "t0ken", None, "target http://host: there is both a token"),
        ("http://host", "t0ken", LOADBOT, "target http://host: there is both a token"),
        ("http://loadbot:s3cret-Pw@host", None, LOADBOT, "target http://host: user and password are given twice"),
        (
            "http://loadbot:s3cret-Pw@host:port",
            None,
            None,
            r"target http://\*\*\*@host:\S+ is not an address: its port",
        ),
        ("nowhere", None, None, "target nowhere is not an address: it begins with neither"),
    ],
)
def test_what_is_refused_shows_no_secret(
    url: str, token: str | None, credentials: Credentials | None, words: str
) -> None:
    with pytest.raises(BadInputError, match=words) as refused:
        Target(url, token, credentials)
    assert "s3cret" not in str(refused.value)
    assert "t0ken" not in str(refused.value)


def test_a_reference_logs_in_as_the_target_unless_it_has_its_own_login() -> None:
    target = Target("http://loadbot:s3cret-Pw@host")
    assert target.reference("http://other", None).headers() == {}
    assert target.reference("http://other", None).logged_in_as(target).headers() == BASIC
    assert target.reference("http://other", "r").logged_in_as(target).headers() == {"Authorization": "Bearer r"}
    own = Target("http://host", "t").reference("http://loadbot:s3cret-Pw@other", None)
    assert own.logged_in_as(Target("http://host", "t")).headers() == BASIC


@pytest.mark.parametrize("around", ["\n", "\r\n", " \t", "\u2028"])
def test_white_space_around_a_login_is_left_out(around: str) -> None:
    assert Target("localhost:80", f"{around}t0ken{around}").headers() == {"Authorization": "Bearer t0ken"}
    given = Credentials(f"loadbot{around}", f"{around}s3cret-Pw{around}")
    assert Target("localhost:80", credentials=given).headers() == BASIC


@pytest.mark.parametrize(
    "token", ["s3cret\nx", "s3cret x", "s3cr\x00et", "s3cré", "s3cret€", "s3cret\udcff", "\n", "s3cret" * 3000]
)
def test_a_token_that_no_header_takes_is_refused_and_never_quoted(token: str) -> None:
    with pytest.raises(
        BadInputError, match=r"target http://localhost:80: its login can't be sent .*LOADTASKS_TOKEN"
    ) as refused:
        Target("localhost:80", token)
    assert "s3cr" not in str(refused.value)


@pytest.mark.parametrize("credentials", [("a:b", "s3cret"), ("a", "s3c\nret"), ("a", "s3cret\udcff"), ("\n", " ")])
def test_a_password_that_basic_does_not_take_is_refused_and_never_quoted(credentials: tuple[str, str]) -> None:
    with pytest.raises(BadInputError, match=r"its login can't be sent") as refused:
        Target("localhost:80", credentials=Credentials(*credentials))
    assert "s3c" not in str(refused.value)
