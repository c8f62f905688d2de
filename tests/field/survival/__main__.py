"""`python -m tests.field.survival [--seed N] [GROUP ...]`: disturbs runs, and prints what was left of each."""

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.field.survival import disturbances
from tests.field.survival.aftermath import Account
from tests.field.survival.disturbances import Cases, PostgresqlCases
from tests.field.survival.target import target
from tests.postgresql import running_server

_IN_NAMESPACE = "SURVIVAL_NAMESPACE"
_MAX_BYTES = 2 << 30
GROUPS = ("kills", "writes", "one", "signals", "second", "disks", "locks", "long-locks", "postgresql")


def main() -> int:
    """Returns how many cases left something wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--kills", type=int, default=36)
    parser.add_argument("groups", nargs="*", choices=[[], *GROUPS])
    arguments = parser.parse_args()
    if _IN_NAMESPACE not in os.environ:  # mounts are seen by nobody else, and gone with this process
        os.environ[_IN_NAMESPACE] = "1"
        command = ["unshare", "--mount", "--propagation", "private", sys.executable, "-m", "tests.field.survival"]
        os.execvp(command[0], [*command, *sys.argv[1:]])
    resource.setrlimit(resource.RLIMIT_DATA, (_MAX_BYTES, _MAX_BYTES))
    bad, begin = 0, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="survival-") as folder, target() as url:
        cases = Cases(Path(folder), url, arguments.seed)
        print(f"a run takes {cases.life_s:.1f} s; seed {arguments.seed}", flush=True)
        for group in arguments.groups or GROUPS:
            for account in _accounts(group, cases, arguments.kills):
                _show(account)
                bad += bool(account.problems)
    print(f"{bad} bad; {time.monotonic() - begin:.0f} s")
    return min(bad, 1)


def _accounts(group: str, cases: Cases, kills: int) -> Iterator[Account]:
    if group == "kills":
        yield from disturbances.kills(cases, kills)
    elif group == "writes":
        yield from disturbances.kills_at_writes(cases, 18)
    elif group == "one":
        yield from disturbances.kills_of_one(cases, 8)
    elif group == "signals":
        yield from disturbances.signals(cases, 10)
    elif group == "second":
        yield from disturbances.second_runs(cases, 6)
    elif group == "disks":
        yield from disturbances.full_disks(cases)
    elif group == "locks":
        yield from disturbances.locks(cases, 30, 120)
    elif group == "long-locks":
        yield from disturbances.locks(cases, 12, 4)
    else:
        yield from _postgresql(cases)


def _postgresql(cases: Cases) -> Iterator[Account]:
    with running_server() as server:
        name = cases.in_postgresql(server.address)
        several = PostgresqlCases(cases, server.address, server.restart, name)
        yield from several.locks(30)
        yield from several.restarts()


def _show(account: Account) -> None:
    wrong = "".join(f"\n    WRONG {problem}" for problem in account.problems)
    said = f"\n    {account.errors.splitlines()[-1][:400]}" if account.errors else ""
    print(
        f"{'BAD ' if account.problems else 'good'}  {account.what:60} {account.stage:12} exit {account.code:4}  "
        f"{account.kept:24} {account.next_run}{said}{wrong}",
        file=sys.__stdout__,  # the command line may be at work in another thread, and its output be caught
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
