import pytest

import app
import loadtasks
from app.settings import Settings, SettingsError


def test_defaults():
    settings = Settings.from_environ({})
    assert settings == Settings()
    assert settings.database_url == "sqlite:///var/app/app.db"
    assert settings.faults == ""


def test_values_come_from_the_environment():
    environ = {"APP_PORT": "9", "APP_FAULTS": "config:cut", "APP_HOST": "", "APP_SESSION_DURATION_S": "0.5", "X": "1"}
    settings = Settings.from_environ(environ)
    assert (settings.port, settings.faults, settings.host) == (9, "config:cut", "127.0.0.1")
    assert settings.session_duration_s == 0.5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_PORT", "http"),
        ("APP_PORT", "65536"),
        ("APP_THREADS", "0"),
        ("APP_WORKERS", "2"),
        ("APP_LOG_LEVEL", "loud"),
        ("APP_DATABASE_URL", "sqlite://"),
        ("APP_DATABASE_URL", "mysql://host/db"),
        ("APP_DATABASE_URL", "app.db"),
        ("APP_FAULTS", "config:boom"),
        ("APP_CACHE", "broken"),
        ("APP_DASHBOARD_TTL_S", "0"),
        ("APP_CORS_ORIGINS", "*"),
        ("APP_CORS_ORIGINS", "https://example.com, https://example.com/path"),
        ("APP_BEHIND_TLS", "perhaps"),
    ],
)
def test_a_bad_value_is_one_sentence_that_names_it(name: str, value: str):
    with pytest.raises(SettingsError) as refused:
        Settings.from_environ({name: value})
    sentence = str(refused.value)
    assert sentence.startswith(f"{name}={value}: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_workers_need_redis_to_share_what_happens():
    assert Settings().workers == 1
    assert Settings.from_environ({"APP_WORKERS": "2", "APP_REDIS_URL": "redis://localhost"}).workers == 2
    with pytest.raises(SettingsError, match=r"^APP_WORKERS=2: .*needs APP_REDIS_URL"):
        Settings.from_environ({"APP_WORKERS": "2"})


@pytest.mark.parametrize("url", ["mysql://me:let@mein@host/db", "//me:let@mein@host"])
def test_a_refused_url_does_not_show_its_password(url: str):
    with pytest.raises(SettingsError) as refused:
        Settings.from_environ({"APP_DATABASE_URL": url})
    assert "mein" not in str(refused.value)
    assert "let" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_SECRET_KEY", "sesame"),
        ("APP_SECRET_KEY", "sesame" * 8 + ",sesame"),
        ("APP_SECRET_KEY", "sesame " * 8),
        ("APP_SECRET_KEY", "sesame" * 8 + "\nsesame"),
        ("APP_SECRET_KEY", ","),
        ("APP_REDIS_URL", "http://:sesame@host"),
        ("APP_REDIS_URL", "me:sesame@host"),
        ("APP_REDIS_URL", "host/?password=sesame"),
        ("APP_DATABASE_URL", "mysql+x2://me:sesame@host/db"),
    ],
)
def test_a_refused_secret_is_not_shown(name: str, value: str):
    with pytest.raises(SettingsError) as refused:
        Settings.from_environ({name: value})
    assert str(refused.value).startswith(f"{name}=")
    assert "***" in str(refused.value)
    assert "sesame" not in str(refused.value)


def test_the_version_is_the_project_s():
    assert app.__version__ == loadtasks.__version__
