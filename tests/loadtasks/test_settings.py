"""Settings: read from the environment, checked, and refused in one sentence."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from loadtasks.errors import BadInputError
from loadtasks.settings import PREFIX, Sensitivity, Settings, hint, read_settings, variable
from loadtasks.workspace import Workspace

PACKAGE = Path(__file__).parents[2] / "loadtasks"
TOKENS = ("token", "reference_token")
SECRETS = (*TOKENS, "notify_urls", "heartbeat_url")
NONSENSE: dict[str, tuple[str, ...]] = {
    "target": ("ftp://x", "http://", "nowhere", "http:/x", "http://[::1"),
    "service": ("x" * 201, "a \a bell", "turned \u202e around"),
    "token": ("two words", "naïve"),
    "heartbeat_url": ("hc-ping.com/3f0a6f6c", "ftp://host/3f0a6f6c", "http://host:0/3f0a6f6c", "http://a b"),
    "health_path": ("healthz", "/health#z", "/a/../b"),
    "metrics_path": ("metrics", "//metrics"),
    "reference": ("nowhere",),
    "reference_token": ("two words",),
    "rounds": ("9", "many", "10.5", "100001", "9" * 5000),
    "rounds_s": ("0", "-1", "nan", "inf", "soon"),
    "processes": ("0", "-1", "two", "1.5", "1025"),
    "generator": ("x" * 201, "two\nlines"),
    "runs_per_false_alarm": ("0.5", "nan", "inf", "few", "1e18"),
    "min_effect": ("0", "1", "3", "nan", "inf", "3%"),
    "improvements": ("yes",),
    "data_docs": ("perhaps", "2"),
    "results_url": ("results.db",),
    "reports_url": ("reports",),
    "pages_url": ("airflow", "ftp://airflow/performance", "https://airflow/performance?run=1"),
    "notify_urls": ("hooks.example.com", ";;", "json://a b://", "json://host/caf\u00e9", " ".join(["json://a"] * 21)),
    "digest": ("weekly", "7", "mon"),
    "keep_days": ("0", "-1", "1.5", "soon", "40000"),
    "recipients": ("team", "a@example.org, team", ","),
    "sender": ("team",),
    "smtp_url": ("mail.example.com", "http://mail", "smtp://", "smtp://mail:99999", "smtp://mail/inbox"),
    "reminder_days": ("-1", "weekly", "366"),
    "auto_accept_runs": ("-1", "never", "10001", "1.5"),
}
ANYTHING = ("token_file", "var", "scenarios", "expectations")
"""Settings whose every value is one: files and folders are looked for when they are needed."""


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_and_says_what_to_write(name: str) -> None:
    assert Settings.model_fields[name].description
    assert hint(name).write
    assert hint(name).secret == (name in SECRETS)
    assert name in NONSENSE or name in ANYTHING


def test_defaults() -> None:
    settings = read_settings()
    assert settings.target.url == "http://127.0.0.1:8000"
    assert settings.sensitivity == Sensitivity()
    workspace = Workspace.from_settings(settings)
    assert (workspace.var, workspace.scenarios) == (Path("var"), Path("scenarios"))
    assert workspace.results_url == f"sqlite:///{Path.cwd() / 'var' / 'results.db'}"


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in NONSENSE.items() for value in values])
def test_nonsense_is_refused_in_one_sentence(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable(name), value)
    with pytest.raises(BadInputError) as refused:
        read_settings()
    sentence = str(refused.value)
    assert sentence.startswith(f"{variable(name)}=")
    assert sentence.endswith(f"write {hint(name).write}.")
    assert "\n" not in sentence
    shown = " ".join(value.split())[:200].encode("unicode_escape").decode() if not value.isprintable() else value[:200]
    assert (shown in sentence) is (name not in SECRETS)
    assert refused.value.__cause__ is None, "a traceback shows no secret"


def test_the_sentence_names_the_option_that_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADTASKS_PROCESSES", "2")
    with pytest.raises(BadInputError, match=r"^--processes 0: "):
        read_settings(processes="0")
    assert read_settings(processes=3).processes == 3
    assert read_settings(processes=None).processes == 2
    assert read_settings(target="").target == Settings.model_fields["target"].default


def test_passwords_and_tokens_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADTASKS_TOKEN", "s3cret")
    monkeypatch.setenv("LOADTASKS_RESULTS_URL", "postgresql://u:s3cret@host/results")
    assert "s3cret" not in repr(read_settings())
    with pytest.raises(BadInputError) as refused:
        read_settings(results_url="postgresql//u:s3cret@host/results")
    assert "s3cret" not in str(refused.value)
    assert "s3cret" not in repr(read_settings(smtp_url="smtp://u:s3cret@host"))
    with pytest.raises(BadInputError, match=r"smtp://\*\*\*@mail: write the URL") as refused:
        read_settings(smtp_url="smtp://:s3cret@mail")
    assert "s3cret" not in str(refused.value)


def test_a_target_may_have_a_password_which_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADTASKS_TARGET", "http://loadbot:s3cret@host:81/v1/")
    settings = read_settings(reference="approved:80")
    assert (settings.target.url, settings.target.credentials) == ("http://host:81/v1", ("loadbot", "s3cret"))
    assert str(settings.reference) == "http://approved:80"
    assert "s3cret" not in repr(settings)
    with pytest.raises(
        BadInputError, match=r"^--target http://\*\*\*@host: what stands before its last @ is not"
    ) as refused:
        read_settings(target="http://loadbot:s3#cret@host")
    assert "cret" not in str(refused.value)
    monkeypatch.setenv("LOADTASKS_REFERENCE", "http://host?s3cret")
    with pytest.raises(
        BadInputError, match=r"^LOADTASKS_REFERENCE=http://host\?\*\*\*: .* has a query; write an address"
    ):
        read_settings()


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(variable(name), "")
    assert read_settings() == Settings()


@pytest.mark.parametrize("separator", [",", ", ", " ", ";", "; ", "\n"])
def test_recipients_are_separated_as_people_do(separator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADTASKS_RECIPIENTS", separator.join(["ann@example.org", "bob@example.org"]))
    assert read_settings().recipients == ("ann@example.org", "bob@example.org")


def test_a_sender_may_have_a_name() -> None:
    assert read_settings(sender="Nightly <n@example.org>").sender == "Nightly <n@example.org>"


def test_another_folder_takes_its_database_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADTASKS_RESULTS_URL", "postgresql://host/results")
    assert read_settings().results_url == "postgresql://host/results"
    assert Workspace.from_settings(read_settings(var="/x")).results_url == "sqlite:////x/results.db"
    assert read_settings(var="/x", results_url="sqlite:///y.db").results_url == "sqlite:///y.db"


def test_an_improvement_is_accepted_or_asked_about() -> None:
    asked: dict[str, Any] = {"runs_per_false_alarm": "30", "min_effect": "0.05", "improvements": "ask"}
    assert read_settings(**asked).sensitivity == Sensitivity(30.0, 0.05, accept_improvements=False)


def test_no_other_module_reads_our_variables() -> None:
    allowed = {
        "settings.py",
        "variables.py",  # hands it to the builds it starts
        "airflow_settings.py",  # AIRFLOW_HOME, below which a team's Airflow keeps results
        "reference.py",  # hands it to the reference that a DAG starts
        "processes.py",  # hands the environment to the processes it starts
        "evaluation.py",  # switches off Great Expectations' analytics
        "tls.py",  # REQUESTS_CA_BUNDLE, as requests reads it
    }
    assert {path.name for path in PACKAGE.rglob("*.py") if re.search(r"environ\b|getenv", path.read_text())} <= allowed


def test_a_token_may_be_in_a_file_which_is_read_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    monkeypatch.setenv("LOADTASKS_TOKEN_FILE", str(file))
    for token in ("first", "second"):
        file.write_text(f"{token}\n")
        settings = read_settings()
        assert settings.token is not None
        assert settings.token.get_secret_value() == token
        assert settings.secrets == [token]
    monkeypatch.setenv("LOADTASKS_TOKEN", "given")
    assert read_settings().secrets == ["given"]


@pytest.mark.parametrize("content", [None, "two words", "", "na\u00efve"])
def test_a_token_file_that_holds_none_is_named_and_never_quoted(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret_file"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("LOADTASKS_TOKEN_FILE", str(file))
    with pytest.raises(
        BadInputError, match=rf"LOADTASKS_TOKEN_FILE={file}: (there is no|it holds no|line 1 is not UTF-8).*\.$"
    ) as refused:
        read_settings()
    assert not content or content not in str(refused.value)


def test_secrets_are_all_that_settings_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADTASKS_TOKEN", "t1")
    monkeypatch.setenv("LOADTASKS_REFERENCE_TOKEN", "t2")
    monkeypatch.setenv("LOADTASKS_RESULTS_URL", "postgresql://u:p%40ss@host/x")
    monkeypatch.setenv("LOADTASKS_SMTP_URL", "smtps://u:m%40il@host")
    assert {"t1", "t2", "p%40ss", "p@ss", "m@il"} <= set(read_settings().secrets)


def test_addresses_of_channels_are_separated_as_people_do_and_secret_but_for_hosts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slack, hook = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#alerts", "jsons://shop.example.com/h00k-t0ken"
    for separator in (" ", ", ", "\n", ";"):
        monkeypatch.setenv("LOADTASKS_NOTIFY_URLS", f"{slack}{separator}{hook} ")
        assert [url.get_secret_value() for url in read_settings().notify_urls] == [slack, hook]
    settings = read_settings()
    assert {slack, hook, "T1JJ3T3L2", "A1BRTD4JD", "TIiajkdnlazkcOXrIdevi7FQ", "h00k-t0ken"} <= set(settings.secrets)
    assert "shop.example.com" not in settings.secrets, "the target may have the same host"
    assert "T1JJ3T3L2" not in repr(settings)


@pytest.mark.parametrize("name", TOKENS)
def test_white_space_around_a_token_is_left_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable(name), " \tt0ken\r\n")
    assert getattr(read_settings(), name).get_secret_value() == "t0ken"
    monkeypatch.setenv(variable(name), "t0k\nen")
    with pytest.raises(BadInputError) as refused:
        read_settings()
    assert "t0k" not in str(refused.value)


@pytest.mark.parametrize("name", ["var", "scenarios", "expectations", "token_file"])
@pytest.mark.parametrize("value", ["x" * 4096, "x" * 256, "half \udcff"])
def test_a_path_that_can_not_be_written_down_is_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable(name), value)
    with pytest.raises(BadInputError, match=r"of at most 4095 bytes of UTF-8\.$"):
        read_settings()
