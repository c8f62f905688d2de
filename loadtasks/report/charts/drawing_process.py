"""Draws charts for another process: requests on standard input and results on standard output, a line of JSON each.

It is a process of its own because of the JavaScript engine in vl-convert, which ends its process where it doesn't get
the addresses that it wants (`ulimit -v`), hangs in a child that is forked after its first use, and keeps 100 MB. It
imports nothing of ours, so that it starts at once.
"""

import base64
import json
import resource
import sys
from typing import Any

_SNIPPET = "window.vegaEmbed = vegaEmbed;"
"""What the bundle does when a page loads it."""


def main() -> None:
    """Draw what is requested until the input ends."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # an end of the engine is expected, and nobody debugs it
    for line in sys.stdin:
        sys.stdout.write(f"{json.dumps(draw(*json.loads(line)))}\n")
        sys.stdout.flush()


def draw(kind: str, specification: dict[str, Any] | None) -> str | None:
    """One chart as `svg`, or as `png` in Base64, or the `bundle` of the libraries; None for what can't be drawn."""
    import vl_convert  # noqa: PLC0415 - tests import this module, and most of them draw nothing

    try:
        if kind == "svg":
            return vl_convert.vegalite_to_svg(specification or {}, allowed_base_urls=[])
        if kind == "png":
            picture = vl_convert.vegalite_to_png(specification or {}, scale=2, allowed_base_urls=[])
            return base64.b64encode(picture).decode()
        return vl_convert.javascript_bundle(_SNIPPET)
    except ValueError:  # what vl-convert raises
        return None


if __name__ == "__main__":
    main()
