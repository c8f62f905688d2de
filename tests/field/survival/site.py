"""A folder with everything of one case: scenarios, suite, output, temporary files; and the product started in it."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.field.survival.target import SCENARIOS, SICK, SUITE
from tests.workspaces import PROJECT

_STAGED = "tests.field.survival.staged"
_MAX_RUN_S = 400
SERVICE = "thing"
_OWN = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


@dataclass
class Ended:
    """How a disturbed run ended."""

    code: int
    output: str
    errors: str
    survivors: list[int]
    """Its processes that are still there."""


@dataclass
class Site:
    """The folder of one case."""

    folder: Path
    url: str
    """Of the target."""
    results_url: str | None = None
    """Of the results database; None: results.db in `var`."""
    prefix: Sequence[str] = ()
    """What the product's command begins with."""
    _mounts: list[Path] = field(default_factory=list)

    @property
    def var(self) -> Path:
        return self.folder / "var"

    @property
    def tmp(self) -> Path:
        return self.folder / "tmp"

    @property
    def database(self) -> str:
        return self.results_url or f"sqlite:///{self.var / 'results.db'}"

    def make(self) -> None:
        """Make its folders and files."""
        for name, content in (("scenarios", SCENARIOS), ("expectations", SUITE)):
            (self.folder / name).mkdir(parents=True)
            (self.folder / name / f"thing.{'yaml' if name == 'scenarios' else 'json'}").write_text(content)
        self.var.mkdir()
        self.tmp.mkdir()

    def mount(self, path: Path, size: str = "24m") -> None:
        """Put a small file system in memory, with the files that are there, in the place of a folder."""
        kept = path.with_name(f".{path.name}-kept")
        path.mkdir(exist_ok=True)
        path.rename(kept)
        path.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "survival", path], check=True)
        self._mounts.append(path)
        shutil.copytree(kept, path, symlinks=True, dirs_exist_ok=True)
        shutil.rmtree(kept)

    def remove(self) -> None:
        """Remove everything of it."""
        for path in reversed(self._mounts):
            subprocess.run(["umount", "--lazy", path], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of the product: nothing that the machine's own would name."""
        settings = {
            "LOADTASKS_TARGET": self.url,
            "LOADTASKS_SERVICE": SERVICE,
            "LOADTASKS_VAR": str(self.var),
            "LOADTASKS_SCENARIOS": str(self.folder / "scenarios"),
            "LOADTASKS_EXPECTATIONS": str(self.folder / "expectations"),
            "LOADTASKS_RESULTS_URL": self.database,
            "LOADTASKS_RUNS_PER_FALSE_ALARM": "1e9",  # the machine is busy with other cases
        }
        steady = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(self.tmp), "LC_ALL": "C.UTF-8"}
        return _OWN | settings | steady | more

    def start(self, *arguments: str, token: str = SICK, stage: str | None = None, wait_s: float = 120) -> "Disturbed":
        """Start a run in a session of its own.

        Args:
            arguments: further arguments of `run`.
            token: of the target.
            stage: where it stops until something was done to it.
            wait_s: how long it waits for a results database that is locked or gone.
        """
        command = [*self.prefix, sys.executable, "-m"]
        reached, theirs = os.pipe()
        released, ours = os.pipe()
        if stage is None:
            command += ["loadtasks", "run", *arguments]
        else:
            command += [_STAGED, stage, str(theirs), str(released), str(wait_s), "run", *arguments]
        with (self.folder / "output").open("wb") as output, (self.folder / "errors").open("wb") as errors:
            process = subprocess.Popen(
                command,
                cwd=PROJECT,
                env=self.environment(LOADTASKS_TOKEN=token),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                pass_fds=[theirs, released],
                start_new_session=True,
            )
        os.close(theirs)
        os.close(released)
        return Disturbed(self, process, reached, ours)


class Disturbed:
    """A run to which something is done."""

    def __init__(self, site: Site, process: "subprocess.Popen[bytes]", reached: int, released: int) -> None:
        self._site, self.process = site, process
        self._reached, self._released = reached, released
        self.acted = False

    @property
    def pid(self) -> int:
        return self.process.pid

    def when_reached(self, act: Callable[[], object]) -> None:
        """Wait until it is at its stage, do something to it, and let it go on. Nothing where it never gets there."""
        if os.read(self._reached, 1):
            self.acted = True
            act()
            with suppress(OSError):
                os.write(self._released, b".")

    def processes(self) -> list[int]:
        """Its processes, the first one and those that this one has started."""
        return processes_of_session(self.pid)

    def kill(self) -> None:
        """Kill all its processes."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def wait(self, seconds: float = _MAX_RUN_S) -> Ended:
        """Wait for its end, and a moment for that of the others; what is left then is killed and named."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()
            code = -1000
        pause = threading.Event()
        for _ in range(50):
            if not self.processes():
                break
            pause.wait(0.1)
        survivors = self.processes()
        self.kill()
        os.close(self._reached)
        os.close(self._released)
        output, errors = ((self._site.folder / name).read_text("utf-8", "replace") for name in ("output", "errors"))
        return Ended(code, output, errors, survivors)


def processes_of_session(session: int) -> list[int]:
    """The processes of a session that are at work."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, own, *_ = path.read_text().rpartition(")")[2].split()
            if int(own) == session and state != "Z":
                found.append(int(path.parent.name))
    return found
