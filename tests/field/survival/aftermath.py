"""What has to hold after a run was disturbed: what it measured is kept, and the next run is as if nothing had been."""

import os
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from click.testing import CliRunner, Result

from loadtasks.cli.main import cli
from loadtasks.results.document import read_document
from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.judgement import Verdict
from loadtasks.results.message import MessageState
from loadtasks.results.store import Store
from tests.field.survival.site import SERVICE, Ended, Site
from tests.field.survival.target import NAMES

_MEASURED = re.compile(r"^\d/\d (thing\.\w+): (?:\d+ requests|measured, and kept in)", re.MULTILINE)
_KEEP = re.compile(r"loadtasks keep (\S+?)[`;]")
_ALLOWED = re.compile(
    r"results\.db(-wal|-shm)?|outbox/[^/]+\.eml(\.partial)?|rescued/.*\.json|broken/[^/]+\.txt|calibration.*"
    r"|reports/(latest|services/[^/]+)|reports/[^/]+/(results\.json|summary\.md|index\.html|data_docs/.*)"
)
_MAX_NEXT_RUNS = 3
"""A busy machine may make a run of a third of a second look worse than its baseline; what a disturbed run had left
would still be there at the third try."""
# A mail that was being written is pending, and written over once its process is taken for dead.
_BAD_OUTPUT = ("Traceback", "Exception ignored", "never awaited")


@dataclass
class Account:
    """What a case showed."""

    what: str
    """What was done, and when."""
    stage: str
    """How far the run had come."""
    code: int
    kept: str = ""
    next_run: str = ""
    problems: list[str] = field(default_factory=list)
    errors: str = ""
    """What it said on stderr."""


def call(site: Site, *arguments: str, **environment: str) -> Result:
    """The command line in this process, in the environment of a site."""
    with _environment(site.environment(**environment)):
        return CliRunner().invoke(cli, arguments)


def examine(
    site: Site,
    what: str,
    ended: Ended,
    codes: Sequence[int],
    full: Sequence[Path] = (),
    others: Collection[str] = (),
) -> Account:
    """Check what a disturbed run has left, and make the next one.

    Args:
        site: where it ran.
        what: what was done to it.
        ended: how it ended.
        codes: the exit codes that are documented for that.
        full: files that fill a disk, which are removed before the next run.
        others: ids of runs that were under way as well.
    """
    for path in full:
        path.unlink(missing_ok=True)
    account = Account(what, "", ended.code, errors=ended.errors.strip())
    account.problems += _problems_of_process(ended, codes)
    measured = _MEASURED.findall(ended.output)
    for folder in dict.fromkeys(_KEEP.findall(ended.errors)):
        account.kept = f"taken in from {Path(folder).parent.name}/; "
        _expect(account, call(site, "keep", folder), 0, f"keep {folder}")
    account.problems += _problems_of_database(site)
    disturbed = _newest_run(site, others)
    account.stage = _stage(site, disturbed, ended)
    kept = _kept(site, disturbed)
    lost = sorted(set(measured) - set(kept))
    if lost:
        account.problems.append(f"measured and lost: {', '.join(lost)}")
    account.kept += f"{len(kept)} of {len(set(measured))} measured"
    _age(site.var / "reports")
    _check_next_run(site, account)
    if disturbed is not None:
        _check_judged(site, account, disturbed, whole=len(kept) == len(NAMES))
    account.problems += [f"left: {name}" for name in left_over(site)]
    return account


def first_run(site: Site) -> None:
    """Make the good run that becomes the baseline."""
    result = call(site, "run")
    assert result.exit_code == 0, result.output + result.stderr


def left_over(site: Site) -> list[str]:
    """Files that are neither results nor reports nor mails."""
    found = [path.relative_to(site.var).as_posix() for path in _files(site.var)]
    names = [name for name in found if not _ALLOWED.fullmatch(name)]
    return sorted([*names, *(f"tmp/{path.relative_to(site.tmp)}" for path in site.tmp.glob("*"))])


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def _age(folder: Path) -> None:
    """Make what a killed process left of a link an hour old, as the next run finds it."""
    at = time.time() - 3600
    for path in folder.rglob(".*-*"):
        os.utime(path, (at, at), follow_symlinks=False)


def _problems_of_process(ended: Ended, codes: Sequence[int]) -> Iterator[str]:
    if ended.code not in codes:
        yield f"exit code {ended.code}, documented: {', '.join(map(str, codes))}: {ended.errors.strip()[-400:]}"
    for bad in _BAD_OUTPUT:
        if bad in ended.output + ended.errors:
            yield f"{bad} in its output"
    if ended.errors.count("Error:") > 1:
        yield f"several errors: {ended.errors}"
    if ended.survivors:
        yield f"processes left: {ended.survivors}"


def _problems_of_database(site: Site) -> Iterator[str]:
    path = Path(site.database.removeprefix("sqlite:///"))
    if path.is_file():
        with closing(sqlite3.connect(path)) as connection:
            for (found,) in connection.execute("PRAGMA integrity_check"):
                if found != "ok":
                    yield f"results.db: {found}"


def _newest_run(site: Site, others: Collection[str] = ()) -> str | None:
    """The id of the newest run after the first good one; None where the database has none. `others`: not these."""
    with Store.open(site.database) as store:
        runs = [run_id for run_id in store.run_ids(SERVICE) if run_id not in others]
    return runs[0] if len(runs) > 1 else None


def _kept(site: Site, run_id: str | None) -> list[str]:
    if run_id is None:
        return []
    with Store.open(site.database) as store:
        return list(dict.fromkeys(measurement.scenario for measurement in store.measurements(run_id)))


def _stage(site: Site, run_id: str | None, ended: Ended) -> str:
    """How far the run had come."""
    if run_id is None:
        return "open"
    with Store.open(site.database) as store:
        measured, judged, messages = store.measurements(run_id), store.verdicts(run_id), store.messages.of_run(run_id)
        is_closed = store.run(run_id).ended_at is not None
    lines = len(set(_MEASURED.findall(ended.output)))
    if not judged:
        return "judge" if lines == len(NAMES) else f"measure {max(lines, len(measured)) + 1}/{len(NAMES)}"
    if not is_closed:
        return "compare"
    if not (site.var / "reports" / run_id / "index.html").is_file():
        return "report"
    if not messages:
        return "message"
    return "sending" if messages[-1].state is MessageState.PENDING else "end"


def _check_next_run(site: Site, account: Account) -> None:
    tries = 1
    while (result := call(site, "run")).exit_code in (1, 3) and tries < _MAX_NEXT_RUNS:
        tries += 1
        call(site, "runs", "delete", "--yes", _newest_run(site) or "")  # slow for want of a core, perhaps
    account.next_run = f"exit {result.exit_code}{f', try {tries}' if tries > 1 else ''}"
    if not _expect(account, result, 0, "next run"):
        return
    with Store.open(site.database) as store:
        newest, *_, first = store.run_ids(SERVICE)
        baselines = {baseline.scenario: baseline.run_id for baseline in store.approvals.current(SERVICE)}
        pending = store.messages.pending()
    document = read_document(site.var / "reports" / "latest" / "results.json")
    verdicts = Counter(result.verdict for result in document.scenarios)
    account.next_run += f", {verdicts[Verdict.PASS]} pass"
    warnings = {
        finding.code.value
        for result in document.scenarios
        for finding in result.findings
        if finding.severity is not Severity.INFO and finding.code is not FindingCode.RUNS_OVERLAPPED
    }
    checks = {
        f"latest is {document.run.id}, not {newest}": document.run.id == newest,
        f"next run: {verdicts}": verdicts == {Verdict.PASS: len(NAMES)},
        f"next run warns: {warnings}": not warnings,
        f"baseline: {baselines}, not {first}": baselines == dict.fromkeys(NAMES, first),
        f"{len(pending)} messages are pending and not claimed": all(one.attempts for one in pending),
    }
    account.problems += [problem for problem, holds in checks.items() if not holds]


def _check_judged(site: Site, account: Account, run_id: str, *, whole: bool) -> None:
    """Judge the disturbed run, as people are advised to do; the report of the run after it stays the newest one."""
    result = call(site, "judge", run_id)
    expected = (1,) if whole else (1, 3)
    account.problems += [f"judge: exit {result.exit_code}: {result.output[-300:]}{result.stderr[-300:]}"] * (
        result.exit_code not in expected
    )
    latest = os.readlink(site.var / "reports" / "latest")
    if latest == run_id:
        account.problems.append("judged again, it became the latest report")


def _expect(account: Account, result: Result, code: int, what: str) -> bool:
    if result.exit_code != code:
        raised = "" if isinstance(result.exception, SystemExit | None) else repr(result.exception)
        said = f"{result.output[-600:]}{result.stderr[-300:]}{raised}"
        account.problems.append(f"{what}: exit {result.exit_code}: {said}")
    return result.exit_code == code


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
