"""What the docstrings of pydantic models say of their fields, in the models' JSON schemas."""

from __future__ import annotations

import re
from typing import Any

_FIELD = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


def describe_fields(schema: dict[str, Any]) -> dict[str, Any]:
    """Give each property its description: its line of the docstring's section ``Attributes``.

    Args:
        schema: JSON schema of a pydantic model, the docstring being its description.

    Returns:
        The schema without that section, and without the titles that pydantic makes of names.
    """
    text, _, section = schema.get("description", "").partition("Attributes:\n")
    told = {name: " ".join(lines.replace("``", "`").split()) for name, lines in _FIELD.findall(section)}
    found = {key: value for key, value in schema.items() if key not in ("title", "description")}
    if text.strip():
        found["description"] = " ".join(text.replace("``", "`").split())
    if "properties" in schema:
        found["properties"] = {
            name: {key: value for key, value in given.items() if key != "title"}
            | ({"description": told[name]} if name in told else {})
            for name, given in schema["properties"].items()
        }
    return found
