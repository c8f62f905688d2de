"""The token of `make airflow`, which renews itself."""

from pathlib import Path

from scripts import CannotStartError
from scripts.token_file import LIFETIME_S, RENEWED_EVERY_S, TokenFile


class Clock:
    now_s = 1000.0
    signed = 0
    broken = False

    def sign(self, lifetime_s: float) -> str:
        assert lifetime_s == LIFETIME_S
        if self.broken:
            raise CannotStartError("python -m app token failed")
        self.signed += 1
        return f"token {self.signed}"

    def file(self, tmp_path: Path) -> TokenFile:
        return TokenFile(tmp_path / "api_token", self.sign, lambda: self.now_s)


def test_a_token_is_renewed_long_before_it_expires_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    clock = Clock()
    file = clock.file(tmp_path)
    for _ in range(3):
        assert file.renew_when_due() is None
    assert file.path.read_text() == "token 1"
    assert file.path.stat().st_mode & 0o077 == 0
    clock.now_s += RENEWED_EVERY_S
    assert file.renew_when_due() is None
    assert file.path.read_text() == "token 2"
    assert RENEWED_EVERY_S < LIFETIME_S - 4 * 3600, "a task that begins just before has a token for as long as it takes"


def test_a_renewal_that_fails_is_reported_once_and_tried_again(tmp_path: Path) -> None:
    clock = Clock()
    file = clock.file(tmp_path)
    file.renew_when_due()
    clock.now_s += RENEWED_EVERY_S
    clock.broken = True
    assert "token failed" in (file.renew_when_due() or "")
    assert file.renew_when_due() is None
    clock.broken = False
    clock.now_s += 60
    assert file.renew_when_due() is None
    assert file.path.read_text() == "token 2"
