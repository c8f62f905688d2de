"""What a request gives a route: its JSON body, its query string."""

from typing import TypeVar

from flask import request
from pydantic import BaseModel, ValidationError

from app.web.problems import Problem

MAX_PAGE_SIZE = 100
# The databases refuse whole numbers of more than 64 bits, which page times size must not be.
MAX_PAGE = 1_000_000

T = TypeVar("T", bound=BaseModel)


def read_body(kind: type[T]) -> T:
    """Read the request's body.

    Raises:
        Problem: 415, it isn't declared as JSON; 413, it is too large; 400, it isn't JSON; 422, it is not of this kind.
    """
    if not request.is_json:
        raise Problem(415, "Send the body as Content-Type: application/json.")
    data = request.get_data(cache=False)
    if request.content_length is None:
        # A body of unknown length was cut off at the limit without a word; it is reading on that tells.
        request.stream.read(1)
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        raise Problem.from_validation(error) from None


def read_query(kind: type[T]) -> T:
    """Read the request's query string.

    Raises:
        Problem: 422, it is not of this kind.
    """
    try:
        return kind.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise Problem.from_validation(error) from None
