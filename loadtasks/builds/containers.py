"""A build that is an image: pulled, made, started and removed again with Docker's own command. Standard library only.

A container is no descendant of who starts it. It is created first and started then, so that there is no moment in which
one is being made whose id nobody knows; and all carry a label, by which what is left is found and removed.
"""

import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

LABEL = "loadtasks.build"
"""Of every container that is started; its value differs for each build of each run."""
_CREATE_TIMEOUT_S = 120.0
_COMMAND_TIMEOUT_S = 30.0
_SETTLED_S = 1.0
"""How long no container with the label may appear, where a command that was making one has broken off."""
_MAX_ERROR = 1_000


class ContainerError(Exception):
    """Docker refused; the message is the end of what it said."""


@dataclass(frozen=True)
class Container:
    """A container of an image, with its port published on a free port of the loopback interface."""

    docker: str
    """Path of the command."""
    image: str
    label: str
    """The value of the label."""
    port: int | None
    """Where the image listens; None: its only exposed port."""
    cores: str
    """The cores that it may run on, as in `2,4-5`; empty: any."""
    options: Sequence[str]
    """More options of `docker create`."""
    variables: Sequence[str]
    """Those of the command's own environment that the container gets."""
    environment: Mapping[str, str]
    """Of the command."""

    def pull(self, is_over: Callable[[], bool]) -> None:
        """Have the image here, unless it is. It leaves nothing behind where that is broken off (`is_over`).

        Raises:
            ContainerError: there is no such image.
        """
        try:
            self._run("image", "inspect", "--format", "{{.Id}}", self.image)
        except ContainerError:
            process = subprocess.Popen(  # noqa: S603 - no shell
                [self.docker, "pull", "--quiet", "--", self.image],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=self.environment,
            )
            while process.poll() is None:
                if is_over():
                    process.kill()
                    return
                time.sleep(0.1)
            if process.returncode and process.stderr is not None:
                raise ContainerError(_last(process.stderr.read())) from None

    def create(self) -> tuple[str, int]:
        """Make the container. Gives its id, and the port on which it will listen inside.

        Raises:
            ContainerError: it can't be made, or nobody says where it listens.
        """
        port = self.port or self._exposed_port()
        arguments = ["create", "--label", f"{LABEL}={self.label}", "--publish", f"127.0.0.1::{port}"]
        arguments += [f"--env={name}" for name in self.variables if name != "PORT"] + [f"--env=PORT={port}"]
        arguments += [f"--cpuset-cpus={self.cores}"] * bool(self.cores)
        made = self._run(*arguments, *self.options, "--", self.image, timeout_s=_CREATE_TIMEOUT_S)
        return made.splitlines()[-1].strip(), port

    def published_port(self, container: str, port: int) -> int | None:
        """Where a container's port is published on this machine; None where it isn't (yet, or any more)."""
        with suppress(ContainerError, ValueError, IndexError):
            return int(self._run("port", container, str(port)).splitlines()[0].rpartition(":")[2])
        return None

    def remove(self, grace_s: float, *, settled: bool) -> None:
        """Stop and remove whatever carries the label.

        Args:
            grace_s: how long it may take to end by itself.
            settled: whether nobody is making a container any more.
        """
        until_s = time.monotonic() + (0.0 if settled else _SETTLED_S)
        while True:
            with suppress(ContainerError):
                if found := self._run("ps", "--all", "--quiet", "--filter", f"label={LABEL}={self.label}").split():
                    with suppress(ContainerError):
                        self._run("stop", "-t", f"{grace_s:.0f}", *found, timeout_s=grace_s + _COMMAND_TIMEOUT_S)
                    self._run("rm", "--force", "--volumes", *found)
            if time.monotonic() >= until_s:
                return
            time.sleep(0.1)

    def _exposed_port(self) -> int:
        exposed = json.loads(self._run("image", "inspect", "--format", "{{json .Config.ExposedPorts}}", self.image))
        ports = [int(port.partition("/")[0]) for port in exposed or {} if not port.endswith("/udp")]
        if len(ports) != 1:
            raise ContainerError(f"the image exposes {len(ports)} ports; name the one of the API with --container-port")
        return ports[0]

    def _run(self, *arguments: str, timeout_s: float = _COMMAND_TIMEOUT_S) -> str:
        try:
            done = subprocess.run(  # noqa: S603 - no shell
                [self.docker, *arguments],
                capture_output=True,
                check=False,
                stdin=subprocess.DEVNULL,
                timeout=timeout_s,
                env=self.environment,
            )
        except subprocess.TimeoutExpired:
            raise ContainerError(f"docker {arguments[0]} took longer than {timeout_s:g} s") from None
        except OSError as error:
            raise ContainerError(f"{self.docker} can't be run ({error.strerror})") from None
        if done.returncode:
            raise ContainerError(_last(done.stderr))
        return done.stdout.decode(errors="replace")


def _last(output: bytes) -> str:
    return " ".join(output.decode(errors="replace").split())[-_MAX_ERROR:] or "docker says nothing about it"
