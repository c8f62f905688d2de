"""Snapshots: texts that people read, kept as files. Only these tests fail when a wording changes.

`UPDATE_SNAPSHOTS=1 python -m pytest …` writes them anew; the change is then reviewed in the diff.
"""

import os
from pathlib import Path


def check_snapshot(path: Path, text: str) -> None:
    """Compare a text with the file that holds it, or write the file where that is asked for."""
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"{path.name} is missing; write it with UPDATE_SNAPSHOTS=1"
    assert text == path.read_text(encoding="utf-8"), "if the new text is meant, write it with UPDATE_SNAPSHOTS=1"
