"""Paths of requests: what of a written path would not be sent as it is written.

`requests` cuts a fragment, resolves dot segments, drops an empty query, and encodes the percent signs of a path anew if
one of them begins no escape. A path for which it would do so is refused. Characters that an address can't hold, such as
blanks and umlauts, are percent-encoded as UTF-8, which servers decode to what was written.
"""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DOT_SEGMENT = re.compile(r"(^|/)(\.|%2e){1,2}(/|$)", re.IGNORECASE)


def check_path(path: str) -> None:
    """See that a path, with its query if it has one, is sent as it is written.

    Raises:
        ValueError: it isn't; a clause that says why.
    """
    if not path.startswith("/"):
        raise ValueError("a path must start with `/`; the host comes from the target")
    if path.startswith("//"):
        raise ValueError("a path that starts with `//` would name another host; write one slash")
    if "#" in path:
        raise ValueError("a path has no fragment, which would be cut off; write # as %23")
    if _CONTROL.search(path):
        raise ValueError("a path has no control characters; write them as percent-escapes")
    if "\\" in path:
        raise ValueError("a path has no backslash; write / or %5C")
    if _BROKEN_ESCAPE.search(path):
        raise ValueError("a % in a path begins no escape of two hex digits; write it as %25")
    before_query, mark, query = path.partition("?")
    if _DOT_SEGMENT.search(before_query):
        raise ValueError("a segment `.` or `..` would be resolved before the path is sent; write the path without it")
    if mark and not query:
        raise ValueError("an empty query would be dropped; leave the ? out, or write it as %3F")
