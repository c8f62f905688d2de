"""One file tried: what became of it, and whether that is documented."""

import faulthandler
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from loadtasks.errors import ExitCode, LoadTasksError
from tests.fuzz.kinds import FuzzKind
from tests.workspaces import PROJECT

MAX_SENTENCE = 2_000
"""Characters of a sentence about a wrong file."""
_WATCHDOG_S = 60.0
"""Until a trial counts as one that hangs, on however busy a machine."""
_DOCUMENTED = frozenset({ExitCode.GOOD, ExitCode.NOT_GOOD, ExitCode.BAD_INPUT, ExitCode.INVALID})


@dataclass(frozen=True)
class Trial:
    """What became of one file."""

    number: int
    outcome: str
    """`fine`, `refused`, or what is wrong."""
    is_documented: bool
    cpu_s: float
    sentence: str = ""


@dataclass
class Tally:
    """What became of many files of a kind."""

    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[Trial] = field(default_factory=list)
    slowest: Trial | None = None

    def add(self, trial: Trial) -> None:
        self.outcomes[trial.outcome.partition(":")[0]] += 1
        if not trial.is_documented:
            self.wrong.append(trial)
        if self.slowest is None or trial.cpu_s > self.slowest.cpu_s:
            self.slowest = trial


class _HangError(BaseException):
    """Raised into a trial that takes too long; no `except Exception` stops it."""


def trials(kind: FuzzKind, seed: int, numbers: Sequence[int]) -> Iterator[Trial]:
    """Try files in this process, through the functions that the commands call."""
    for number in numbers:
        content = kind.mutant(seed, number)
        began_s = time.process_time()
        with TemporaryDirectory(prefix="fuzz-") as folder:
            outcome, is_documented, sentence = _attempt(kind, Path(folder), content)
        yield Trial(number, outcome, is_documented, time.process_time() - began_s, sentence)


def command_trials(kind: FuzzKind, seed: int, numbers: Sequence[int], memory: int) -> Iterator[Trial]:
    """Try files through the command line, in a process each of at most `memory` bytes."""
    for number in numbers:
        content = kind.mutant(seed, number)
        with TemporaryDirectory(prefix="fuzz-") as folder:
            for arguments in kind.command_lines(Path(folder), content):
                yield _called(number, arguments, Path(folder), memory)


def limit_memory(size: int) -> None:
    """Bound the memory that this process may use from now on, in bytes."""
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def peak_memory() -> int:
    """The most memory that this process and those it started ever had, in bytes."""
    return 1024 * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _attempt(kind: FuzzKind, folder: Path, content: bytes) -> tuple[str, bool, str]:
    """The outcome, whether it is documented, and the sentence that goes with it."""
    try:
        with _watched():
            kind.exercise(folder, content)
    except LoadTasksError as error:
        return _refusal(error)
    except SystemExit as error:
        return f"exit {error.code}", error.code in _DOCUMENTED, ""
    except (Exception, _HangError) as error:
        *_, place = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "/loadtasks/" in frame.filename]
        places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in (place, *reversed(ours[-3:])))
        return f"{type(error).__name__}: {str(error)[:200]} ({places})", False, ""
    return "fine", True, ""


def _refusal(error: LoadTasksError) -> tuple[str, bool, str]:
    sentence = str(error)
    if not sentence.isprintable() or len(sentence) > MAX_SENTENCE or not sentence.endswith("."):
        return f"no sentence: {sentence[:300]!r} ({len(sentence)} characters)", False, sentence
    if error.exit_code not in _DOCUMENTED:
        return f"exit code {error.exit_code}: {sentence}", False, sentence
    return "refused", True, sentence


@contextmanager
def _watched() -> Iterator[None]:
    """Interrupt what takes too long; where that is within C code, end the process with a traceback."""

    def hang(_signal: int, _frame: FrameType | None) -> None:
        raise _HangError(f"takes more than {_WATCHDOG_S:g} s")

    before = signal.signal(signal.SIGALRM, hang)
    signal.setitimer(signal.ITIMER_REAL, _WATCHDOG_S)
    faulthandler.dump_traceback_later(3 * _WATCHDOG_S, exit=True)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


def _called(number: int, arguments: Sequence[str], folder: Path, memory: int) -> Trial:
    began_s = _children_s()
    command = [sys.executable, "-m", "loadtasks", "--out", str(folder / "var"), *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=PROJECT,
            capture_output=True,
            timeout=_WATCHDOG_S,
            check=False,
            preexec_fn=lambda: limit_memory(memory),
        )
    except subprocess.TimeoutExpired:
        return Trial(number, f"hang: {' '.join(arguments)}", False, _children_s() - began_s)
    shown = done.stderr.decode(errors="replace").strip()
    is_documented = done.returncode in _DOCUMENTED and "Traceback" not in shown
    if done.returncode == ExitCode.BAD_INPUT:
        last = shown.splitlines()[-1] if shown else ""
        is_documented = is_documented and last.startswith("Error: ")
    outcome = f"{arguments[0]} exits {done.returncode}"
    if not is_documented:
        outcome = f"{outcome}: {shown[:300]}"
    return Trial(number, outcome, is_documented, _children_s() - began_s, shown)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
