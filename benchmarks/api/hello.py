"""The least that Flask can do: what the API's rates are held against."""

from flask import Flask

application = Flask(__name__, static_folder=None)


@application.get("/")
def hello() -> str:
    """Say it."""
    return "hello"
