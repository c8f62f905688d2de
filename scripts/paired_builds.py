"""`make nightly-paired`: the shipped API in the working tree, compared with an approved build of it.

    python -m scripts.paired_builds [--reference REVISION] [--candidate REVISION] [OPTION ...] [SCENARIO ...]

The approved build comes from git: the revision that is named, else that of the newest baseline run, else HEAD. Each
build gets an SQLite database of its own that is seeded in the same way, no Redis, and a token that its own key signed.
The rest is `loadtasks compare-builds`, which takes the other options, and whose exit code it is.
"""
# ruff: noqa: T201 - it writes to a terminal

import argparse
import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack, nullcontext
from pathlib import Path

from loadtasks.cli.main import cli
from loadtasks.errors import BadInputError
from loadtasks.settings import read_settings
from loadtasks.streams import make_streams_steady
from scripts import PROJECT, CannotStartError
from scripts.approved_build import Source, checked_out, fresh_database, working_revision
from scripts.shipped_api import HEALTH_PATH, SERVICE, ApiInstance

BAD_INPUT = 2
_WITHOUT_SERVICES = {"APP_REDIS_URL": "", "APP_REPLICA_URL": ""}
_TOKEN_LIFETIME_S = 86_400.0
_TOKENS = {"candidate": "LOADTASKS_TOKEN", "reference": "LOADTASKS_REFERENCE_TOKEN"}


def main() -> int:
    """Compare the two. Returns the exit code."""
    options, others = _parser().parse_known_args()
    try:
        var = read_settings().var
        with ExitStack() as ending:
            reference = ending.enter_context(checked_out(var, "reference", options.reference))
            folder = Path(options.candidate_source or PROJECT).absolute()
            candidate = ending.enter_context(
                checked_out(var, "candidate", options.candidate)
                if options.candidate
                else nullcontext(Source(folder, os.environ.get("APP_REVISION") or working_revision()))
            )
            print(
                f"Comparing {candidate.revision or 'the working tree'} with revision {reference.revision}", flush=True
            )
            arguments = [*_described(var, "candidate", candidate), *_described(var, "reference", reference)]
            os.environ.setdefault("LOADTASKS_SERVICE", SERVICE)
            cli(["compare-builds", *arguments, f"--health={HEALTH_PATH}", *others], prog_name="loadtasks")
    except (CannotStartError, BadInputError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    return 0


def build_of(name: str, source: Source, database_url: str, settings: Mapping[str, str]) -> ApiInstance:
    """The shipped API of a source, with a database of its own and without Redis."""
    return ApiInstance(
        database_url=database_url,
        port=0,
        name=name,
        source=source.folder,
        python=source.python,
        settings={**_WITHOUT_SERVICES, **settings},
    )


def _described(var: Path, name: str, source: Source) -> list[str]:
    """The options that describe a build; its token goes into the environment, which nobody else may read."""
    build = build_of(name, source, fresh_database(var, name), {"APP_REVISION": source.revision})
    os.environ[_TOKENS[name]] = build.sign_token(_TOKEN_LIFETIME_S)
    variables = [f"--{name}-env={variable}={value}" for variable, value in build.environment.items()]
    return [f"--{name}-command={build.shell_command}", f"--{name}-dir={source.folder}", *variables]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--reference", metavar="REVISION", help="the approved build; that of the baseline, else HEAD")
    parser.add_argument("--candidate", metavar="REVISION", help="the build under test; the working tree")
    parser.add_argument("--candidate-source", metavar="FOLDER", help="a folder with the app/ under test, instead")
    return parser


if __name__ == "__main__":
    make_streams_steady()
    sys.exit(main())
