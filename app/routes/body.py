"""The JSON body of a request."""

from typing import TypeVar

from flask import request
from pydantic import BaseModel, ValidationError

from app.problems import Problem

T = TypeVar("T", bound=BaseModel)


def read_body(kind: type[T]) -> T:
    """Read the request's body.

    Raises:
        Problem: 415, it isn't declared as JSON; 400, it isn't JSON; 422, it is not of this kind.
    """
    if not request.is_json:
        raise Problem(415, "Send the body as Content-Type: application/json.")
    try:
        return kind.model_validate_json(request.get_data(cache=False))
    except ValidationError as error:
        raise Problem.from_validation(error) from None
