"""`${NAME}`: refused, since nothing fills it in and it would be taken as it stands."""

import re
from typing import Any

_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*(?:(?::?[-+=?])[^{}]*)?\}")


def check_no_variable(value: Any) -> None:
    """See that no text in a JSON value, keys included, names an environment variable.

    Raises:
        ValueError: one does; a clause that names it.
    """
    if isinstance(value, str):
        if found := _VARIABLE.search(value):
            raise ValueError(
                f"environment variables are not filled in, so that {found[0]} would stay as it is; write the value"
            )
    elif isinstance(value, dict):
        for key, item in value.items():
            check_no_variable(key)
            check_no_variable(item)
    elif isinstance(value, list):
        for item in value:
            check_no_variable(item)
