"""The variables that GitHub Actions and GitLab CI set for each job: read once, as the settings are.

A variable that is missing, empty or makes no sense counts as not set: it is the platform's, and nobody here can correct
it. What an option says goes before it.
"""

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class CiVariables(BaseSettings):
    """What the CI system says of the job. Each field is the variable of its name in capitals."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )

    github_actions: str | None = None
    """Set in every job of GitHub Actions, and of those that are compatible with it."""
    github_api_url: str | None = None
    """The REST API: of GitHub Enterprise Server `https://HOST/api/v3`."""
    github_server_url: str | None = None
    github_repository: str | None = None
    """`OWNER/NAME`."""
    github_run_id: str | None = None
    github_event_path: Path | None = None
    """The file that holds what started the workflow, in JSON."""
    github_step_summary: Path | None = None
    """The file whose Markdown is shown on the page of the workflow's run."""
    github_token: SecretStr | None = None
    """Not set by itself: a step hands it on, as `GITHUB_TOKEN: ${{ github.token }}`."""
    gitlab_ci: str | None = None
    ci_api_v4_url: str | None = None
    """The REST API: `https://HOST/api/v4`."""
    ci_project_id: str | None = None
    ci_merge_request_project_id: str | None = None
    """The project that the merge request is for; a fork's pipeline has another `CI_PROJECT_ID`."""
    ci_merge_request_iid: str | None = None
    ci_merge_request_source_branch_sha: str | None = None
    """The head of the merge request, where the pipeline runs for its merge result; else empty."""
    ci_commit_sha: str | None = None
    ci_job_url: str | None = None
    ci_job_token: SecretStr | None = None
    """The job's own token, which GitLab lets do little: it may not comment."""
    gitlab_token: SecretStr | None = None
    """Somebody's own variable: an access token of the project with the scope `api`."""


def read_ci_variables() -> CiVariables:
    """Read the variables of the CI system; call this at the edge, once."""
    return CiVariables()
