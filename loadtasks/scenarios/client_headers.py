"""The headers that the load engine sends of its own accord, in requests and in the handshakes of WebSockets.

They are fixed, so that the target is sent the same from every machine and by every release: no version of ours, and no
coding that only an optional package can decode. A scenario that gives one of them replaces it.

They are part of what a scenario sends, and so of its hash: changing one ends the comparison with all earlier runs,
unless a migration turns the hashes that are stored into the new ones.
"""

import hashlib
import json
from collections.abc import Mapping

CLIENT_HEADERS: Mapping[str, str] = {
    "User-Agent": "loadtasks",
    "Accept-Encoding": "gzip, deflate",
    "Accept": "*/*",
    "Connection": "keep-alive",
}
"""By name, in the order in which they are sent."""


def hash_with_client_headers(content_hash: str) -> str:
    """The hash of a scenario, from the hash of its own content: 12 hex digits."""
    sent = json.dumps({"content": content_hash, "client": CLIENT_HEADERS}, sort_keys=True)
    return hashlib.sha256(sent.encode()).hexdigest()[:12]
