"""Pull requests made up for the shipped API: changes of its source, each with what a comparison should find."""

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtasks.results.findings.codes import FindingCode

C = FindingCode
Change = Callable[[str, int], str]
"""Gives a file's new text, from the old one and the number of steps that cost as much as 10 % of a request."""
_WORK = "sum(number * number for number in range({steps}))"
"""What is computed in addition; a step takes as long as one of `seconds_per_step`."""


@dataclass(frozen=True)
class PullRequest:
    """One change, and what is to be found."""

    name: str
    file: str
    """What is changed, below the folder that holds `app/`."""
    change: Change
    endpoint: str = ""
    """The one that it slows or breaks; empty where nothing may be found."""
    causes: Sequence[FindingCode] = ()
    """The right diagnosis: one of these."""
    slowed_by: float = 0.0
    """The share of a request's time that is computed in addition."""

    @property
    def scenarios(self) -> str:
        """What the scenarios of the endpoint are called: they begin so."""
        return f"{self.endpoint}."

    def apply(self, folder: Path, steps: int) -> None:
        """Change the source in a folder.

        Raises:
            ValueError: the source no longer has what is to be changed.
        """
        path = folder / self.file
        before = path.read_text()
        after = self.change(before, steps)
        if after == before:
            raise ValueError(f"{self.name}: {self.file} has not the text that is to be changed")
        path.write_text(after)


def renamed(old: str, new: str) -> Change:
    """Another name of something private."""
    return lambda text, _steps: re.sub(rf"\b{old}\b", new, text)


def commented(text: str, _steps: int) -> str:
    """A comment at the end."""
    return f"{text}\n# Nothing else follows in this module.\n"


def replaced(old: str, new: str) -> Change:
    """Other text in one place."""
    return lambda text, _steps: text.replace(old, new, 1)


def computing(before: str) -> Change:
    """Something computed in addition before a statement, which begins with this text."""

    def change(text: str, steps: int) -> str:
        indent = re.search(rf"^( *){re.escape(before)}", text, re.MULTILINE)
        if indent is None:
            return text
        work = f"{indent[1]}{_WORK.format(steps=steps)}\n"
        return text[: indent.start()] + work + text[indent.start() :]

    return change


def source_with(pull_request: PullRequest, base: Path, folder: Path, steps: int) -> None:
    """Make a folder with the base's `app/`, changed as the pull request does."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base / "app", folder / "app", ignore=shutil.ignore_patterns("__pycache__"))
    pull_request.apply(folder, steps)


_RENAMED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "app/sessions/queries.py": (("_find", "_find_page"), ("_count", "_count_list"), ("found", "rows")),
    "app/dashboard/statistics.py": (("_totals", "_sums"), ("_days", "_last_days"), ("_compute", "_make")),
    "app/cache/local.py": (("_find", "_look_up"), ("_finish", "_conclude")),
    "app/config/criteria_store.py": (("_load", "_read_document"),),
    "app/web/representations.py": (("_cached_tag", "_known_tag"), ("_compressed", "_gzipped")),
}
_COMMENTED = (
    "app/sessions/routes.py",
    "app/config/routes.py",
    "app/dashboard/routes.py",
    "app/events/routes.py",
    "app/websockets/hub.py",
    "app/web/auth.py",
    "app/web/responses.py",
    "app/storage/database.py",
    "app/rate_limits/windows.py",
)
_COMPUTING = (
    ("dashboard", "app/dashboard/routes.py", "return document_response(component(DashboardStatistics)"),
    ("sessions", "app/sessions/routes.py", "return document_response(encode_timed(list_sessions("),
    ("config_get", "app/config/routes.py", "return document_response(component(CriteriaStore).get())"),
    ("config_put", "app/config/routes.py", "return document_response(component(CriteriaStore).put("),
    ("dashboard", "app/dashboard/statistics.py", "return self._cache.get(KEY"),
    ("sessions", "app/sessions/queries.py", "total, found = database.query("),
    ("config_get", "app/config/criteria_store.py", "return self._cache.get(NAME"),
    ("config_put", "app/config/criteria_store.py", "after, now = criteria.model_dump_json()"),
    ("sessions", "app/sessions/queries.py", "counted = query.cursor is None"),
    ("config_put", "app/config/criteria_store.py", "self._cache.invalidate(NAME)"),
)
HARMLESS = tuple(
    PullRequest(f"rename {old} in {Path(file).parent.name}", file, renamed(old, new))
    for file, names in _RENAMED.items()
    for old, new in names
) + tuple(PullRequest(f"comment in {file.removeprefix('app/')}", file, commented) for file in _COMMENTED)
"""Twenty that change nothing."""
SLOWER = tuple(
    PullRequest(f"cpu {number} in {endpoint}", file, computing(before), endpoint, (C.TARGET_CODE_SLOW,), slowed_by=0.1)
    for number, (endpoint, file, before) in enumerate(_COMPUTING, 1)
)
"""Ten that compute 10 % of a request's time in addition, each for one endpoint."""
BROKEN = (
    PullRequest(
        "drop the indexes of filtered lists",
        "app/storage/migrations/versions/v0005_filters_and_counts.py",
        replaced("    for kind, columns in KINDS.items():\n", "    for kind, columns in ():\n"),
        "sessions",
        (C.DATABASE_SLOW,),
    ),
    PullRequest(
        "switch the cache off",
        "app/application.py",
        replaced("return LocalCache() if redis is None", "return NoCache() if redis is None"),
        "dashboard",
        (C.CACHE_HITS_FELL, C.CACHE_HITS_FEW),
    ),
    PullRequest(
        "break the dashboard",
        "app/dashboard/routes.py",
        replaced("return document_response(", "raise RuntimeError; return document_response("),
        "dashboard",
        (C.SERVER_ERROR,),
    ),
)
"""A slow query, a cache that is off, an endpoint that responds 500."""
ALL = HARMLESS + SLOWER + BROKEN
