"""The commands for CI jobs: `ci comment`."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from loadtasks import steps
from loadtasks.ci_variables import CiVariables, read_ci_variables
from loadtasks.cli.options import positive
from loadtasks.code_hosts.review_place import NoPlaceError, Platform, ReviewPlace, find_place
from loadtasks.errors import BadInputError
from loadtasks.input_files import MIB
from loadtasks.report import pull_request, terminal
from loadtasks.report.pull_request import CommentPlace
from loadtasks.results.document import ResultsDocument, read_document
from loadtasks.settings import MAX_SHOWN, read_settings
from loadtasks.steps import NotPostedError
from loadtasks.verdict.compare_documents import compare_documents

_MAX_BYTES = 32 * MIB
"""Of a results file: it may come from anybody, and that of a hundred scenarios has 3 MiB."""
_FORMS = {
    "sha": (re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}"), "the whole hash of a commit, in small letters"),
    "repository": (re.compile(r"[\w.-]{1,100}(/[\w.-]{1,100}){0,20}"), "OWNER/NAME, of GitLab also the project's id"),
    "report_url": (re.compile(r"https?://[^\s<>\"]{1,1900}"), "an address such as https://ci.example.com/jobs/7"),
}
"""What options must look like, and what to write."""
_NOUNS = {Platform.GITHUB: "PR", Platform.GITLAB: "MR"}


@click.group()
def ci() -> None:
    """Comment on the pull request whose results there are."""


@ci.command()
@click.argument("results", nargs=-1, required=True, metavar="RESULTS ...", type=click.Path(path_type=Path))
@click.option("--baseline", type=click.Path(path_type=Path), metavar="FILE", help="Compare RESULTS with this file.")
@click.option("--missing", is_flag=True, help="Comment also where a file is missing or can't be used, and say so.")
@click.option(
    "--key", metavar="NAME", help="Tells the comments of several pipelines apart. [default: LOADTASKS_SERVICE]"
)
@click.option(
    "--platform",
    type=click.Choice([platform.value for platform in Platform]),
    help="Where to comment. [default: the CI system's]",
)
@click.option("--repository", metavar="NAME", help="OWNER/NAME, or GitLab's project. [default: the job's]")
@click.option("--pull-request", type=positive("a number"), metavar="NUMBER", help="[default: the job's, else by --sha]")
@click.option("--sha", metavar="COMMIT", help="The commit that was measured. [default: the pull request's head]")
@click.option("--report-url", metavar="URL", help="The page that has the report. [default: the job's]")
@click.option("--print", "print_only", is_flag=True, help="Print the comment and post nothing.")
def comment(results: tuple[Path, ...], baseline: Path | None, missing: bool, print_only: bool, **place: Any) -> None:
    """Comment on the pull request whose results these are, or update the comment.

    RESULTS are paths of results.json files. They may come from anybody: nothing in them decides where the comment goes,
    and nothing of their texts means anything in it. The token is that of GITHUB_TOKEN or GITLAB_TOKEN. A comment that
    can't be posted is one sentence on stderr and no failure: the exit code is 0.
    """
    _check(place)
    documents, problems = _read(results, baseline, missing=missing)
    variables = read_ci_variables()
    try:
        review = _named(variables, place)
    except NoPlaceError as error:
        if not print_only:
            terminal.say(f"No comment: {error}.", error=True)
            return
        review = ReviewPlace(Platform(place["platform"] or Platform.GITHUB))
    key = place["key"] or read_settings().service or "default"
    about = CommentPlace(key, _NOUNS[review.platform], review.sha, review.report_url)
    text = pull_request.render(documents, about, problems)
    if print_only:
        click.echo(text, nl=False)
        return
    try:
        terminal.say(steps.comment(review, variables, text))
    except NotPostedError as error:
        terminal.say(str(error), error=True)


def _check(place: dict[str, Any]) -> None:
    """See that options are what they must be.

    Raises:
        BadInputError: one is not.
    """
    for name, (form, write) in _FORMS.items():
        given = place[name]
        if given is not None and not form.fullmatch(given):
            raise BadInputError(f"--{name.replace('_', '-')} {given[:MAX_SHOWN]}: write {write}.")


def _read(paths: Sequence[Path], baseline: Path | None, *, missing: bool) -> tuple[list[ResultsDocument], list[str]]:
    """The runs, and where that is allowed, why others are missing.

    Raises:
        BadInputError: a file can't be used.
    """
    other = read_document(baseline) if baseline is not None else None
    documents, problems = [], []
    for path in paths:
        try:
            document = read_document(path, _MAX_BYTES)
            documents.append(compare_documents(document, other) if other is not None else document)
        except BadInputError as error:
            if not missing:
                raise
            problems.append(str(error).rstrip("."))
    return documents, problems


def _named(variables: CiVariables, place: dict[str, Any]) -> ReviewPlace:
    """The place that the CI system knows, with what options say of it.

    Raises:
        NoPlaceError: the job was started by something else than a pull request, and no option names one.
    """
    platform = Platform(place["platform"]) if place["platform"] else None
    named = {
        "repository": place["repository"],
        "number": place["pull_request"],
        "sha": place["sha"],
        "report_url": place["report_url"],
    }
    given = {name: value for name, value in named.items() if value is not None}
    try:
        known = find_place(variables, platform)
    except NoPlaceError:
        if "number" not in given and "sha" not in given:
            raise
        known = ReviewPlace(platform or Platform.GITHUB, variables.github_repository or "")
    if "sha" in given and given["sha"] != known.sha:
        known = replace(known, number=None, branch="")  # the job's own is that of another commit
    return replace(known, **given)
