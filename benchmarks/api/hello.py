"""A minimal Flask application, the yardstick for the API's rates."""

from flask import Flask

application = Flask(__name__, static_folder=None)


@application.get("/")
def hello() -> str:
    """Return a constant text."""
    return "hello"
