"""Where a comment belongs: platform, pull request and commit, from options and from the CI system's variables.

All of it comes from the trusted side, which is the workflow's own event or job, never from what a pull request's job
has left behind. Where a workflow runs after another one (GitHub's `workflow_run`), the event names the commit, and for
pull requests from forks nothing else: the pull request is then the open one with this commit at its head.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import SecretStr

from loadtasks.ci_variables import CiVariables
from loadtasks.code_hosts.comments import CodeHost, PullRequest, text_at
from loadtasks.code_hosts.github import GitHub
from loadtasks.code_hosts.gitlab import GitLab
from loadtasks.code_hosts.rest import RestApi
from loadtasks.input_files import MIB, UnusableFileError, read_text
from loadtasks.strict_json import parse
from loadtasks.target_address import checked_token

_MAX_EVENT_BYTES = 32 * MIB
_OF_PULL_REQUESTS = ("pull_request", "pull_request_target")
_API_URLS = {"github": "https://api.github.com", "gitlab": "https://gitlab.com/api/v4"}
_URL = re.compile(r"https?://[^\s@?#]+")
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Platform(StrEnum):
    """Where code is reviewed."""

    GITHUB = "github"
    GITLAB = "gitlab"


class NoPlaceError(Exception):
    """Why there is nothing to comment on, or no way to: a sentence without its full stop."""


@dataclass(frozen=True)
class ReviewPlace:
    """Where a comment belongs, as far as that is known before the API is asked."""

    platform: Platform
    repository: str = ""
    number: int | None = None
    """Of the pull request; None: it is the one that has `sha` at its head."""
    sha: str = ""
    branch: str = ""
    """Where the commit is, as `OWNER:BRANCH`; empty where that isn't known."""
    report_url: str = ""
    """The page of the job, or of the workflow's run, that has the report among its artifacts."""


def find_place(variables: CiVariables, platform: Platform | None = None) -> ReviewPlace:
    """What the CI system says of the place. Where it says nothing, that of GitHub without anything known.

    Raises:
        NoPlaceError: the job was started by something else than a pull request.
    """
    is_gitlab = variables.gitlab_ci is not None or (
        variables.ci_api_v4_url is not None and variables.github_actions is None
    )
    if platform is Platform.GITLAB or (platform is None and is_gitlab):
        return _on_gitlab(variables)
    return _on_github(variables)


def connect(place: ReviewPlace, variables: CiVariables) -> CodeHost:
    """The platform's API, with the token of the environment.

    Raises:
        NoPlaceError: there is no token, or an address that is none.
    """
    if place.platform is Platform.GITHUB:
        url, token, header, scheme = variables.github_api_url, variables.github_token, "Authorization", "Bearer "
        hint = "set GITHUB_TOKEN in the step's env, as ${{ github.token }}"
    else:
        url, token, header, scheme = variables.ci_api_v4_url, variables.gitlab_token, "PRIVATE-TOKEN", ""
        if token is None:
            token, header = variables.ci_job_token, "JOB-TOKEN"
        hint = "set GITLAB_TOKEN to an access token of the project with the scope api"
    url = (url or _API_URLS[place.platform]).rstrip("/")
    if token is None:
        raise NoPlaceError(f"there is no token; {hint}")
    if not _URL.fullmatch(url):
        raise NoPlaceError(f"{url[:200]!r} is not the address of an API")
    try:
        secret = SecretStr(checked_token(token.get_secret_value()))
    except ValueError:
        raise NoPlaceError(f"the token has characters that no token has; {hint}") from None
    api = RestApi(url, secret, header, scheme)
    return GitHub(api) if place.platform is Platform.GITHUB else GitLab(api)


def find_pull_request(place: ReviewPlace, host: CodeHost) -> PullRequest:
    """The pull request of a place, which is asked for by its commit where its number isn't known.

    Raises:
        NoPlaceError: there is none.
        CodeHostError: the API can't be asked.
    """
    if not place.repository:
        raise NoPlaceError("no repository is known here; name it with --repository")
    number = place.number
    if number is None and place.sha:
        number = host.find(place.repository, place.sha, place.branch)
        if number is None:
            raise NoPlaceError(
                f"no open pull request of {place.repository} has the commit {place.sha} at its head: it is closed, or "
                "has moved on"
            )
    if number is None:
        raise NoPlaceError("this job is none of a pull request; name one with --pull-request")
    return PullRequest(place.repository, number)


def _on_github(variables: CiVariables) -> ReviewPlace:
    repository, run_id = variables.github_repository or "", variables.github_run_id
    page = f"{variables.github_server_url}/{repository}/actions/runs/{run_id}" if run_id else ""
    event = _event(variables)
    run, pull = event.get("workflow_run"), event.get("pull_request")
    if isinstance(run, dict):
        return _of_workflow_run(run, event, repository)
    if isinstance(pull, dict):
        number = pull.get("number")
        return ReviewPlace(
            Platform.GITHUB,
            repository,
            number=number if isinstance(number, int) else None,
            sha=_sha(text_at(pull, "head", "sha")),
            report_url=page,
        )
    return ReviewPlace(Platform.GITHUB, repository, report_url=page)


def _of_workflow_run(run: dict[str, Any], event: dict[str, Any], repository: str) -> ReviewPlace:
    """The pull request whose workflow has ended: of the event's list only one of this repository, with its commit."""
    started_by = text_at(run, "event") or ""
    if started_by not in _OF_PULL_REQUESTS:
        raise NoPlaceError(
            f"the workflow that ended was started by {started_by or 'nothing known'}, not by a pull request"
        )
    sha, owner = _sha(text_at(run, "head_sha")), text_at(run, "head_repository", "owner", "login")
    branch = text_at(run, "head_branch")
    own_id = event["repository"].get("id") if isinstance(event.get("repository"), dict) else None
    listed = run.get("pull_requests")
    numbers = [
        pull["number"]
        for pull in (listed if isinstance(listed, list) else [])
        if isinstance(pull, dict)
        and isinstance(pull.get("number"), int)
        and text_at(pull, "head", "sha") == sha
        and own_id is not None
        and _id_of_base(pull) == own_id
    ]
    return ReviewPlace(
        Platform.GITHUB,
        repository,
        number=max(numbers, default=None),
        sha=sha,
        branch=f"{owner}:{branch}" if owner and branch else "",
        report_url=text_at(run, "html_url") or "",
    )


def _id_of_base(pull: dict[str, Any]) -> object:
    base = pull.get("base")
    repository = base.get("repo") if isinstance(base, dict) else None
    return repository.get("id") if isinstance(repository, dict) else None


def _on_gitlab(variables: CiVariables) -> ReviewPlace:
    number = variables.ci_merge_request_iid or ""
    sha = variables.ci_merge_request_source_branch_sha or variables.ci_commit_sha
    return ReviewPlace(
        Platform.GITLAB,
        variables.ci_merge_request_project_id or variables.ci_project_id or "",
        number=int(number) if number.isascii() and number.isdigit() else None,
        sha=_sha(sha),
        report_url=f"{variables.ci_job_url}/artifacts/browse" if variables.ci_job_url else "",
    )


def _event(variables: CiVariables) -> dict[str, Any]:
    """What started the workflow; empty where that isn't known."""
    if variables.github_event_path is None:
        return {}
    try:
        event = parse(read_text(variables.github_event_path, _MAX_EVENT_BYTES))
    except (UnusableFileError, ValueError) as error:
        raise NoPlaceError(f"GITHUB_EVENT_PATH={variables.github_event_path}: {error}") from None
    return event if isinstance(event, dict) else {}


def _sha(text: str | None) -> str:
    return text if text and _SHA.fullmatch(text) else ""
