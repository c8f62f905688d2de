"""A small server that a test's shell command starts."""

import sys
from pathlib import Path

_SERVER = """
import http.server, os, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", -1
    def log_message(self, *_): pass
    def do_GET(self):
        time.sleep(float(os.environ.get("DELAY", "0")))
        self.send_response(int(os.environ.get("STATUS", "200")))
        self.send_header("Content-Length", "14")
        self.end_headers()
        self.wfile.write(b'{"good": true}')
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128  # with the 5 of socketserver, connections of 40 workers are dropped, and hang
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def server_command(folder: Path, variables: str = "") -> str:
    """A command that serves on PORT; `variables` go before it, as in `DELAY=0.1`."""
    path = folder / "serving.py"
    path.write_text(_SERVER)
    return f"{variables} exec {sys.executable} -S -E {path}"
