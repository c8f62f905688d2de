"""Every setting of the pipeline: its type, bounds, default and documentation, and the one place that reads it.

The edge (command line, Airflow, scripts) calls `read_settings`. Everything below it gets values and never looks into
the environment. The table of settings in docs/command_line.md is made from `Settings`.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from loadtasks.errors import BadInputError
from loadtasks.input_files import UnusableFileError, read_text
from loadtasks.service_name import MAX_LENGTH
from loadtasks.setting_values import (
    MAX_PATH,
    Address,
    Digest,
    FilePath,
    HeartbeatUrl,
    Line,
    NotifyUrls,
    PagePath,
    Recipients,
    Sender,
    Service,
    SmtpUrl,
    Token,
    hosts_that_are_tokens,
    secrets_in,
)
from loadtasks.target_address import TargetAddress, checked_token, masked

PREFIX = "LOADTASKS_"
MIN_ROUNDS = 10
"""Fewer rounds against a reference show nothing: the sequential test can't end with a decision before."""
MAX_TOKEN_BYTES = 65_536
"""Of a file that holds a token."""
MAX_ROUNDS = 100_000
MAX_SHOWN = 250
"""Characters of a wrong value."""
_HIDDEN = "***"
_ADDRESSES = ("target", "reference")
"""Settings that hold the address of an API."""
MAX_AUTO_ACCEPT_RUNS = 10_000
_DAY_S = 86_400


@dataclass(frozen=True)
class Hint:
    """What people need to know of a setting besides its documentation."""

    write: str
    """What may be written, as the end of "write ..."."""
    option: str = ""
    """The option of the command line that goes before the variable; empty where there is none."""
    default: str = ""
    """The default in words, where it is not a constant."""
    secret: bool = False
    """Whether the value must never be shown."""


@dataclass(frozen=True)
class Sensitivity:
    """Which changes from the baseline are reported."""

    runs_per_false_alarm: float = 100.0
    """ARL0: the mean number of runs between two false alarms, over all scenarios and metrics together."""
    min_effect: float = 0.03
    """The smallest relative change of a time or throughput that is reported."""
    accept_improvements: bool = True
    """Whether a confirmed improvement begins a new baseline; otherwise only an approval does."""
    auto_accept_runs: int = 30
    """After how many runs a regression that nobody answers is accepted automatically; 0: never."""


_A_TOKEN = "a token of printable ASCII characters without blanks"  # noqa: S105 - what one looks like
_A_FOLDER = f"the path of a folder, of at most {MAX_PATH} bytes of UTF-8"
_A_PATH = "a path that begins with a slash, such as"
_AN_ADDRESS = "an address such as http://127.0.0.1:8000"


class Settings(BaseSettings):
    """The settings of one run. Each is read from the environment variable `LOADTASKS_` plus its name in capitals.

    An empty variable counts as not set. `read_settings` makes it and refuses a wrong value in one sentence.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    target: Annotated[Address, Hint(_AN_ADDRESS, option="--target")] = TargetAddress("http", "127.0.0.1", 8000, "")
    """Address of the API: scheme, host, port, and a base path where there is one. A user and password in it
    (`http://user:password@host`, percent-encoded) are sent as Basic authentication; never stored, logged or shown."""
    service: Annotated[
        Service | None,
        Hint(
            f"a name of at most {MAX_LENGTH} printable characters, on one line",
            option="--service",
            default="the target's host, port and path",
        ),
    ] = None
    """Name of the service whose API the target is. Runs are compared only with runs of the same service, wherever it
    listens."""
    token: Annotated[Token | None, Hint(_A_TOKEN, secret=True)] = None
    """Bearer token of the API, without the white space around it. Never stored, logged or shown. Not possible with a
    user in the address."""
    token_file: Annotated[
        FilePath | None, Hint(f"the path of a file that holds a token, of at most {MAX_PATH} bytes of UTF-8")
    ] = None
    """File that holds the bearer token, where `LOADTASKS_TOKEN` is not set. It is read at the beginning of each run,
    and of each task in Airflow: for tokens that somebody renews, and for secrets that are mounted."""
    health_path: Annotated[
        PagePath | None,
        Hint(f"{_A_PATH} /healthz", option="--health", default="`/healthz`, where any response will do"),
    ] = None
    """Path requested before and after each scenario to see that the API is up: any response below 500 will do."""
    metrics_path: Annotated[
        PagePath | None, Hint(f"{_A_PATH} /metrics", default="`/metrics`, if there is such a page")
    ] = None
    """Path of the API's metrics in Prometheus' text format, read before and after each scenario."""
    reference: Annotated[Address | None, NoDecode, Hint(_AN_ADDRESS, option="--reference")] = None
    """Address of the reference, the approved build. Scenarios are driven in rounds against both builds, and the ratio
    of their numbers is judged."""
    reference_token: Annotated[Token | None, Hint(_A_TOKEN, default=f"`{PREFIX}TOKEN`", secret=True)] = None
    """Bearer token of the reference; it is never sent to the target."""
    rounds: Annotated[
        int, Field(ge=MIN_ROUNDS, le=MAX_ROUNDS), Hint(f"a whole number from {MIN_ROUNDS} to {MAX_ROUNDS}")
    ] = 480
    """Most rounds that a scenario takes against a reference."""
    rounds_s: Annotated[
        float, Field(gt=0, le=_DAY_S, allow_inf_nan=False), Hint(f"a number of seconds above 0, at most {_DAY_S}")
    ] = 30.0
    """Seconds after which no further round of a scenario begins."""
    processes: Annotated[int, Field(ge=1, le=1024), Hint("a whole number from 1 to 1024", option="--processes")] = 1
    """Processes that share the load of each scenario, for loads that one core can't generate."""
    generator: Annotated[
        Line | None,
        Hint("a name of at most 200 printable characters, on one line", default="the host name"),
    ] = None
    """Name of the machine that generates the load, for machines whose host name changes. Runs are compared only with
    runs of the same generator."""
    runs_per_false_alarm: Annotated[
        float,
        Field(ge=1, le=1e9, allow_inf_nan=False),
        Hint("a number from 1 to 1000000000", option="--runs-per-false-alarm"),
    ] = Sensitivity.runs_per_false_alarm
    """Mean number of runs between two false alarms, over all scenarios and metrics together: the larger, the more
    evidence a regression takes. A change with less evidence is suspected at most."""
    min_effect: Annotated[
        float,
        Field(gt=0, lt=1, allow_inf_nan=False),
        Hint("a number above 0 and below 1, such as 0.03 for 3 %", option="--min-effect"),
    ] = Sensitivity.min_effect
    """Smallest relative change of a time or throughput that is reported."""
    improvements: Annotated[Literal["accept", "ask"], Hint("accept or ask")] = "accept"
    """`accept`: a confirmed improvement begins a new baseline. `ask`: only when somebody approves it."""
    auto_accept_runs: Annotated[
        int,
        Field(ge=0, le=MAX_AUTO_ACCEPT_RUNS),
        Hint(f"a whole number of runs from 0 to {MAX_AUTO_ACCEPT_RUNS}; 0: never"),
    ] = Sensitivity.auto_accept_runs
    """Runs after which a regression that nobody has answered is accepted automatically, so that its scenario is judged
    again. Runs that measured the scenario count, from the one after that which found it. 0: never."""
    scenarios: Annotated[FilePath, Hint(_A_FOLDER, option="--scenarios")] = Path("scenarios")
    """Folder of scenario files."""
    expectations: Annotated[FilePath, Hint(_A_FOLDER, option="--expectations")] = Path("expectations")
    """Folder of expectation suites, the targets."""
    var: Annotated[FilePath, Hint(_A_FOLDER, option="--out")] = Path("var")
    """Folder that everything is written to: results database, reports, outbox."""
    results_url: Annotated[
        str | None,
        Field(pattern=r"^[a-z0-9_]+(\+[a-z0-9_]+)?://", repr=False),
        Hint(
            "an SQLAlchemy URL such as postgresql://user:password@host/database",
            default="`results.db` in the folder `LOADTASKS_VAR`",
        ),
    ] = None
    """SQLAlchemy URL of the results database. `--out` takes the database along and leaves this one out."""
    reports_url: Annotated[
        str | None,
        Field(pattern=r"^[a-z][a-z0-9+.-]*://\S+$"),
        Hint("a URL such as https://reports.example.com", default="the report's path"),
    ] = None
    """Address under which the folder `reports` is served, where it is no page in Airflow; mails link to it."""
    pages_url: Annotated[
        str | None,
        Field(pattern=r"^https?://[^\s/?#]+[^\s?#]*$"),
        Hint(
            "a URL such as https://airflow.example.com/performance",
            default="in Airflow, `/performance` below its `[api] base_url`",
        ),
    ] = None
    """Address of the pages in Airflow; messages link to a run's page, its report, and the page of a regression."""
    data_docs: Annotated[bool, Hint("1 or 0", default="0")] = False
    """1: each report has Great Expectations' Data Docs as well, in the folder `data_docs`. They take 4 MB and about a
    second a run, and load scripts and style from the internet. The report lists every target with its result anyway."""
    keep_days: Annotated[int | None, Field(ge=1, le=36500), Hint("a whole number of days from 1 to 36500")] = None
    """Days after which runs are pruned, as `prune` does: at the end of each run the older ones of its service. Without
    it nothing is pruned by itself."""
    recipients: Annotated[
        Recipients,
        Hint("e-mail addresses separated by commas, semicolons or spaces"),
    ] = ("performance@localhost",)
    """Who gets the alerts."""
    sender: Annotated[Sender, Hint("an e-mail address such as performance@example.com")] = (
        "nightly-performance@localhost"
    )
    """Address that alerts are sent from."""
    smtp_url: Annotated[
        SmtpUrl | None,
        Field(repr=False),
        Hint(
            "the URL of a mail server such as smtp://user:password@smtp.example.com:587 or smtps://smtp.example.com",
            default=".eml files in the folder `outbox`",
        ),
    ] = None
    """URL of the mail server that alerts are sent through, special characters of user and password percent-encoded.
    `smtp://` (port 25 unless named) is encrypted where the server offers STARTTLS; without that, no password is sent to
    another machine. `smtps://` (port 465) is encrypted from the beginning. The password is never stored, logged or
    shown."""
    notify_urls: Annotated[
        NotifyUrls,
        Hint(
            "addresses of Apprise separated by spaces, such as slack://TOKEN/TOKEN/TOKEN/#alerts",
            default="mails alone",
            secret=True,
        ),
    ] = ()
    """Where else the news go, in short: Slack, Teams, PagerDuty, webhooks and whatever else
    [Apprise](https://appriseit.com/services/) knows, an address each. Never stored, logged or shown."""
    heartbeat_url: Annotated[
        HeartbeatUrl | None, Hint("the URL of a monitor such as https://hc-ping.com/UUID", secret=True)
    ] = None
    """URL that is requested by GET after each run, whatever its verdict, so that a monitor elsewhere notices when no
    run comes any more. A monitor that can't be reached changes nothing. Never stored, logged or shown."""
    reminder_days: Annotated[int, Field(ge=0, le=365), Hint("a whole number of days from 0 to 365; 0: never")] = 7
    """Days after which people are reminded of missed targets, invalid scenarios and regressions that nobody has
    acknowledged, where no mail has mentioned them meanwhile."""
    digest: Annotated[
        Digest,
        Hint("a day of the week such as monday, or off"),
    ] = "off"
    """Day of the week, in UTC: the mail of the first run from then on also sums up the week: its runs, what happened,
    what is open, and every scenario. `off`: never."""

    @property
    def sensitivity(self) -> Sensitivity:
        """Which changes from the baseline are reported."""
        return Sensitivity(
            self.runs_per_false_alarm, self.min_effect, self.improvements == "accept", self.auto_accept_runs
        )

    @property
    def secrets(self) -> list[str]:
        """Texts that must be shown nowhere: tokens, and the passwords of the results database and the mail server."""
        tokens = (token.get_secret_value() for token in (self.token, self.reference_token) if token is not None)
        urls = (self.results_url or "", self.smtp_url or "")
        passwords = [password for url in urls for password in re.findall(r"^[^:]*://[^:@/]*:(.+)@", url)]
        logins = (address.credentials for address in (self.target, self.reference) if address is not None)
        found = [*tokens, *passwords, *map(unquote, passwords), *self.monitor_secrets, *self.notify_secrets]
        return [*found, *(login.password for login in logins if login)]

    @property
    def monitor_secrets(self) -> list[str]:
        """What of the monitor's URL must be shown nowhere: all of it, and what of it may be a token by itself."""
        return secrets_in(self.heartbeat_url.get_secret_value()) if self.heartbeat_url is not None else []

    @property
    def notify_secrets(self) -> list[str]:
        """The same of the addresses of other channels, in which a token may stand for the host."""
        urls = [url.get_secret_value() for url in self.notify_urls]
        return [*(secret for url in urls for secret in secrets_in(url)), *hosts_that_are_tokens(urls)]


def read_settings(**given: Any) -> Settings:
    """Read the settings from the environment; call this at the edge, once.

    Args:
        given: Settings by name that go before the environment, from options or a form. None and an empty text are not
            given. With `var` the results database moves along, unless `results_url` is given too.

    Raises:
        BadInputError: a value that makes no sense; the sentence names the variable or option, the value (but of no
            secret) and what to write.
    """
    given = {name: value for name, value in given.items() if value not in (None, "")}
    if "var" in given:
        given.setdefault("results_url", None)
    try:
        settings = Settings(**given)
        if settings.token is not None or settings.token_file is None:
            return settings
        return settings.model_copy(update={"token": _token_from(settings.token_file)})
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = str(first["loc"][0])
        reason = first["msg"].removeprefix("Value error, ") if name in _ADDRESSES else None
        raise BadInputError(_refusal(name, first["input"], name in given, reason)) from None


def _token_from(path: Path) -> SecretStr:
    try:
        return SecretStr(checked_token(read_text(path, MAX_TOKEN_BYTES)))
    except UnusableFileError as error:
        raise BadInputError(f"{variable('token_file')}={path}: {error}.") from None
    except ValueError:
        raise BadInputError(f"{variable('token_file')}={path}: it holds no {_A_TOKEN.removeprefix('a ')}.") from None


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def hint(name: str) -> Hint:
    """What people need to know of a setting."""
    return next(item for item in Settings.model_fields[name].metadata if isinstance(item, Hint))


def _refusal(name: str, value: object, is_given: bool, reason: str | None) -> str:
    """The sentence about a value that makes no sense.

    Args:
        name: the setting.
        value: what was given for it.
        is_given: whether an option gave it.
        reason: what is wrong with it, as a clause; None where that is clear from what is to be written.
    """
    known = hint(name)
    said = f"{known.option or name} " if is_given else f"{variable(name)}="
    shown = " ".join(str(value).split())
    if known.secret:
        shown = _HIDDEN
    elif name in _ADDRESSES:
        shown = masked(str(value))
    elif name.endswith("_url"):  # a password stands before the last @
        shown = re.sub(r"^([a-z0-9+]*://)?.*@", rf"\1{_HIDDEN}@", shown)
    if len(shown) > MAX_SHOWN:
        shown = f"{shown[:MAX_SHOWN]}..."
    return f"{said}{shown}: {f'{reason}; ' if reason else ''}write {known.write}."
