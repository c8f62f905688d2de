"""What is done to runs: kills, signals, full disks, locked databases. Each gives accounts of what was left."""

import errno
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg

from tests.field.survival.aftermath import Account, examine, first_run
from tests.field.survival.site import Ended, Site
from tests.field.survival.staged import STAGES

_KILLED = -signal.SIGKILL
_AT_ONCE = 2
"""Runs that are disturbed at the same time: what they measure is the same whoever is busy besides."""
_VERDICTS = (1, 3)
"""Of a run whose second scenario misses its target: 3 where that one was not measured."""
_FULL = 2
_OPENED = re.compile(r"^Run (\S+) of", re.MULTILINE)
_START_S = 0.5
"""How long Python itself may take to start on a busy machine."""


@dataclass
class Cases:
    """Makes sites, copies of one in which a good run was made, and disturbs a run in each."""

    folder: Path
    url: str
    seed: int
    _number: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._model = Site(self.folder / "model", self.url)
        self._model.make()
        first_run(self._model)
        begin = time.monotonic()
        self._model.start().wait()
        self.life_s = time.monotonic() - begin
        shutil.rmtree(self._model.var)
        self._model.var.mkdir()
        first_run(self._model)

    def site(self, results_url: str | None = None, prefix: Sequence[str] = ()) -> Site:
        """A site of its own, with one good run; with another results database, that run has to be made or copied."""
        with self._lock:
            self._number += 1
            site = Site(self.folder / f"case{self._number}", self.url, results_url, prefix)
        shutil.copytree(self._model.folder, site.folder, symlinks=True)
        return site

    def in_postgresql(self, address: str) -> str:
        """Make the good run in a database of a PostgreSQL server. Returns the database's name."""
        name = "survival_model"
        with psycopg.connect(f"postgresql://{address}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        site = self.site(f"postgresql+psycopg://{address}/{name}")
        first_run(site)
        site.remove()
        return name

    def conclude(
        self,
        site: Site,
        what: str,
        ended: Ended,
        codes: Sequence[int],
        full: Sequence[Path] = (),
        others: Collection[str] = (),
    ) -> Account:
        """Examine and remove a site."""
        with self._lock:  # the command line is called in this process, with an environment of its own
            try:
                return examine(site, what, ended, codes, full, others)
            except Exception as error:
                return Account(
                    what, "?", ended.code, problems=[f"{type(error).__name__}: {error}"], errors=ended.errors
                )
            finally:
                site.remove()

    def all(self, cases: Sequence[Callable[[], Account]]) -> Iterator[Account]:
        """Do several cases at a time, in order."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            yield from pool.map(lambda case: case(), cases)


def kills(cases: Cases, number: int) -> Iterator[Account]:
    """Kill whole runs (-9) at moments all over their life, every third one with two generator processes."""
    half = number // 2
    moments = [(False, moment) for moment in _moments(cases, half)]
    moments += [(True, moment * 0.6) for moment in _moments(cases, number - half, 1)]
    yield from cases.all(
        [
            partial(_killed, cases, is_opened, moment, ("--processes", "2") if index % 3 == 0 else ())
            for index, (is_opened, moment) in enumerate(moments)
        ]
    )


def _killed(cases: Cases, is_opened: bool, moment_s: float, options: Sequence[str]) -> Account:
    """`is_opened`: whether the time counts from the moment at which the run is opened, not from the beginning."""
    site = cases.site()
    run = site.start(*options)
    while is_opened and run.process.poll() is None and not (site.folder / "output").stat().st_size:
        time.sleep(0.02)
    with suppress(subprocess.TimeoutExpired):
        run.process.wait(moment_s)
    run.kill()
    since = " after it was opened" if is_opened else ""
    what = f"kill -9 at {moment_s:.1f} s{since}{' (2 processes)' if options else ''}"
    return cases.conclude(site, what, run.wait(), (_KILLED, *_VERDICTS))


def kills_at_writes(cases: Cases, number: int) -> Iterator[Account]:
    """Kill runs (-9) just before they change a file or folder, for each of the first so many changes."""
    yield from cases.all([partial(_killed_at_write, cases, index + 1) for index in range(number)])


def _killed_at_write(cases: Cases, number: int) -> Account:
    site = cases.site()
    ended = site.start(stage=f"write:{number}").wait()
    return cases.conclude(site, f"kill -9 before change {number} of a file", ended, (_KILLED, *_VERDICTS))


def kills_of_one(cases: Cases, number: int) -> Iterator[Account]:
    """Kill the main process only, or one of two generator processes only, amid their load."""
    yield from cases.all([partial(_killed_one, cases, index % 2 == 0, index) for index in range(number)])


def _killed_one(cases: Cases, is_main: bool, index: int) -> Account:
    site = cases.site()
    run = site.start("--processes", "2")
    wait_s = random.Random(cases.seed + index).uniform(0, 1.5)
    while len(run.processes()) < 3 and run.process.poll() is None:  # the main one, and two that generate
        time.sleep(0.01)
    with suppress(subprocess.TimeoutExpired):
        run.process.wait(wait_s)
    victims = [run.pid] if is_main else [pid for pid in run.processes() if pid != run.pid][:1]
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    what = f"kill -9 of {'the main process' if is_main else 'a generator process'} {wait_s:.1f} s after the first load"
    return cases.conclude(site, what, run.wait(), (_KILLED, *_VERDICTS) if is_main else _VERDICTS)


def signals(cases: Cases, number: int) -> Iterator[Account]:
    """Send what ends a run early, at moments all over its life."""
    yield from cases.all(
        [
            partial(_signalled, cases, which, moment)
            for which in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
            for moment in _moments(cases, number, which)
        ]
    )


def _signalled(cases: Cases, which: signal.Signals, moment_s: float) -> Account:
    site = cases.site()
    run = site.start()
    with suppress(subprocess.TimeoutExpired):
        run.process.wait(moment_s)
    run.process.send_signal(which)
    # Until Python runs the product's code, and once that has ended, the signal does what it does to any program.
    is_at_an_end = not _START_S < moment_s < 0.85 * cases.life_s
    codes = (130, *_VERDICTS, -which) if is_at_an_end else (130, *_VERDICTS)
    return cases.conclude(site, f"{which.name} at {moment_s:.1f} s", run.wait(), codes)


def second_runs(cases: Cases, number: int) -> Iterator[Account]:
    """Kill a run while a second one, of the same workspace, is under way."""
    yield from cases.all([partial(_with_second, cases, moment) for moment in _moments(cases, number, 7)])


def _with_second(cases: Cases, moment_s: float) -> Account:
    site = cases.site()
    run = site.start()
    with suppress(subprocess.TimeoutExpired):
        run.process.wait(moment_s * 0.9)
    second = subprocess.Popen(
        [sys.executable, "-m", "loadtasks", "run"],
        env=site.environment(LOADTASKS_TOKEN="healthy"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with suppress(subprocess.TimeoutExpired):
        run.process.wait(moment_s * 0.1)
    run.kill()
    ended = run.wait()
    output, _ = second.communicate()
    what = f"kill -9 at {moment_s:.1f} s, another run at work"
    account = cases.conclude(site, what, ended, (_KILLED, *_VERDICTS), others=_OPENED.findall(output))
    if second.returncode != 0 or "Traceback" in output:
        account.problems.append(f"the other run: exit {second.returncode}: {output[-600:]}")
    account.next_run = f"the other run: exit {second.returncode}; {account.next_run}"
    return account


def full_disks(cases: Cases) -> Iterator[Account]:
    """Fill the file system of one folder at a stage of a run; the temporary folder, and a root that is read-only."""
    jobs = [partial(_full, cases, place, stage) for place in ("var", "database", "reports", "tmp") for stage in STAGES]
    yield from cases.all(jobs)
    yield _read_only(cases)


def _full(cases: Cases, place: str, stage: str) -> Account:
    site = cases.site()
    if place == "database":
        (site.folder / "database").mkdir()
        site.results_url = f"sqlite:///{site.folder / 'database' / 'results.db'}"
        for path in site.var.glob("results.db*"):
            path.rename(site.folder / "database" / path.name)
    folder = {"reports": site.var / "reports"}.get(place, site.folder / place)
    site.mount(folder)
    filler = folder / "filler"
    run = site.start(stage=stage)
    run.when_reached(partial(fill, filler))
    codes = _VERDICTS if place == "tmp" else (_FULL, *_VERDICTS)
    return cases.conclude(site, f"{place} is full: {stage}", run.wait(), codes, [filler])


def _read_only(cases: Cases) -> Account:
    """Everything but `var` is read-only, as in a container of that kind."""
    site = cases.site()
    site.mount(site.var)
    site.prefix = ("unshare", "--mount", "sh", "-c", 'mount -o remount,bind,ro / && exec "$@"', "sh")
    return cases.conclude(site, "read-only but for var, the temporary folder too", site.start().wait(), _VERDICTS)


def fill(path: Path) -> None:
    """Fill the disk of a file to its last byte."""
    size = 1 << 20
    with path.open("ab", buffering=0) as file:
        while size:
            try:
                file.write(b"\0" * size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size //= 2


def locks(cases: Cases, seconds: float, wait_s: float) -> Iterator[Account]:
    """Lock SQLite's file at each stage: for as long as a backup takes, or for longer than a run waits."""
    yield from cases.all([partial(_locked, cases, stage, seconds, wait_s) for stage in STAGES])


def _locked(cases: Cases, stage: str, seconds: float, wait_s: float) -> Account:
    site = cases.site()
    run = site.start(stage=stage, wait_s=wait_s)
    freed = threading.Event()

    def lock() -> None:
        locked = threading.Event()
        threading.Thread(target=_hold, args=(site.var / "results.db", seconds, locked, freed)).start()
        locked.wait()

    run.when_reached(lock)
    ended = run.wait()
    if run.acted:
        freed.wait()
    is_longer = seconds > wait_s
    codes = (_FULL, *_VERDICTS) if is_longer else _VERDICTS  # what can be read, and kept later, costs nothing
    what = f"SQLite locked for {seconds:g} s ({'longer' if is_longer else 'less'} than it waits): {stage}"
    return cases.conclude(site, what, ended, codes)


def _hold(path: Path, seconds: float, locked: threading.Event, freed: threading.Event) -> None:
    """Lock a database from outside, as a backup does."""
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        locked.set()
        time.sleep(seconds)
        connection.execute("ROLLBACK")
    freed.set()


@dataclass
class PostgresqlCases:
    """Locks and restarts of a PostgreSQL server."""

    cases: Cases
    address: str
    restart: Callable[[], None]
    model: str
    """The name of a database of a good run, whose files of reports are those of the model's site."""

    def locks(self, seconds: float) -> Iterator[Account]:
        """Lock its tables at each stage."""
        yield from self.cases.all([partial(self._locked, stage, seconds) for stage in STAGES])

    def restarts(self) -> Iterator[Account]:
        """Restart the server at each stage."""
        for stage in STAGES:
            site = self._site(f"restart_{stage}")
            run = site.start(stage=stage)
            run.when_reached(self.restart)
            yield self.cases.conclude(site, f"PostgreSQL restarted: {stage}", run.wait(), (*_VERDICTS, _FULL))

    def _site(self, name: str) -> Site:
        with psycopg.connect(f"postgresql://{self.address}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {self.model}")
        return self.cases.site(f"postgresql+psycopg://{self.address}/{name}")

    def _locked(self, stage: str, seconds: float) -> Account:
        name = f"locked_{stage}"
        site = self._site(name)
        run = site.start(stage=stage)

        def lock() -> None:
            locked = threading.Event()
            threading.Thread(target=self._hold, args=(name, seconds, locked)).start()
            locked.wait()

        run.when_reached(lock)
        what = f"PostgreSQL: tables locked for {seconds:g} s: {stage}"
        return self.cases.conclude(site, what, run.wait(), _VERDICTS)

    def _hold(self, name: str, seconds: float, locked: threading.Event) -> None:
        with psycopg.connect(f"postgresql://{self.address}/{name}") as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            connection.execute(f"LOCK TABLE {', '.join(table for (table,) in tables)} IN ACCESS EXCLUSIVE MODE")
            locked.set()
            time.sleep(seconds)
            connection.rollback()


def _moments(cases: Cases, number: int, more: int = 0) -> list[float]:
    """Random moments all over the life of a run, one in each of as many equal parts of it."""
    chance = random.Random(cases.seed + more)
    return [(index + chance.random()) / number * cases.life_s * 1.05 for index in range(number)]
