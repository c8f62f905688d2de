"""Draws charts for another process: requests on standard input and results on standard output, a line of JSON each.

It is a process of its own because of the JavaScript engine in vl-convert, which ends its process where it doesn't get
the addresses that it wants (`ulimit -v`), hangs in a child that is forked after its first use, and keeps 100 MB. It
imports nothing of ours, so that it starts at once.
"""

import base64
import json
import sys
from typing import Any


def main() -> None:
    """Draw what is requested until the input ends; for what can't be drawn the result is null."""
    for line in sys.stdin:
        kind, specification = json.loads(line)
        try:
            drawn = _draw(kind, specification)
        except ValueError:  # what vl-convert raises
            drawn = None
        sys.stdout.write(f"{json.dumps(drawn)}\n")
        sys.stdout.flush()


def _draw(kind: str, specification: dict[str, Any] | None) -> str:
    import vl_convert  # noqa: PLC0415 - where it can't be imported, nothing is drawn

    if specification is None:
        return vl_convert.javascript_bundle("")
    if kind == "svg":
        return vl_convert.vegalite_to_svg(specification, allowed_base_urls=[])
    return base64.b64encode(vl_convert.vegalite_to_png(specification, scale=2, allowed_base_urls=[])).decode()


if __name__ == "__main__":
    main()
