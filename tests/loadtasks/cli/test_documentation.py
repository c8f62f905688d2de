"""docs/command_line.md describes the command line and the settings that there are."""

from loadtasks.cli.documentation import with_generated_parts
from tests.workspaces import PROJECT

DOCUMENT = PROJECT / "docs" / "command_line.md"


def test_the_generated_parts_are_up_to_date() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text.count("<!-- generated: ") == 2
    assert text == with_generated_parts(text), "run `make docs`"
