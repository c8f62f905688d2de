"""The results file: written and read back, and refused where it is of another version."""

import json
from pathlib import Path

import pytest

from loadtasks.errors import BadInputError
from loadtasks.results.document import ResultsDocument, read_document
from loadtasks.results.judgement import Verdict
from tests.measurements import run


def written(folder: Path, **changes: object) -> Path:
    """A results file with some of its fields changed, or left out where they are None."""
    path = folder / "results.json"
    ResultsDocument(run=run(), verdict=Verdict.INVALID, scenarios=[]).write(path)
    raw = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps({name: value for name, value in raw.items() if value is not None}), encoding="utf-8")
    return path


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    assert read_document(written(tmp_path)) == ResultsDocument(run=run(), verdict=Verdict.INVALID, scenarios=[])


@pytest.mark.parametrize(
    ("version", "says"),
    [
        (3, "its schema_version is 3, and only version 4 is read here"),
        (5, "its schema_version is 5, and only version 4 is read here"),
        ("4", "its schema_version is '4', and only version 4"),
        (None, "it names no schema_version, and only version 4"),
    ],
)
def test_a_file_of_another_version_is_refused_and_says_which_is_read(
    tmp_path: Path, version: object, says: str
) -> None:
    path = written(tmp_path, schema_version=version)
    with pytest.raises(BadInputError) as caught:
        read_document(path)
    assert str(caught.value).startswith(f"{path}: {says}")
    assert "`python -m loadtasks report RUN`" in str(caught.value)


def test_a_file_of_our_version_that_lacks_something_is_no_file_of_ours(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"results\.json: run: Field required; it is not a results file"):
        read_document(written(tmp_path, run=None))
