"""The input of a request, validated: its JSON body and its query string."""

from typing import TypeVar

import msgspec
from flask import request
from gunicorn.http.errors import ParseException
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.web.problems import ApiProblemError

MAX_PAGE_SIZE = 100
# Page times size must stay within 64 bits, the databases' largest integers.
MAX_PAGE = 1_000_000

Model = TypeVar("Model", bound=BaseModel)


class PageQuery(BaseModel):
    """The page of a list, as given in a query string."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    page: int = Field(default=1, ge=1, le=MAX_PAGE)
    """Number of the page, from 1."""
    page_size: int = Field(default=20, ge=1, le=MAX_PAGE_SIZE)
    """Items on a page."""


def read_body(model: type[Model]) -> Model:
    """Read and validate the request's body.

    Raises:
        ApiProblemError: 415, it isn't declared as JSON; 413, it is too large; 400, it isn't JSON or its
            chunks are malformed; 422, it is invalid.
    """
    if not request.is_json:
        raise ApiProblemError(415, "Send the body as Content-Type: application/json.")
    data = _read_data()
    try:
        if b"NaN" in data or b"Infinity" in data:
            msgspec.json.decode(data)  # pydantic takes them for numbers, which JSON doesn't
        return model.model_validate_json(data)
    except msgspec.DecodeError as error:
        raise ApiProblemError(400, f"The body is not JSON: {error}.") from None
    except ValidationError as error:
        raise ApiProblemError.from_validation(error) from None


def _read_data() -> bytes:
    try:
        data = request.get_data(cache=False)
        if request.content_length is None:
            # Werkzeug silently cuts a body of unknown length at the limit; reading on raises the 413.
            request.stream.read(1)
    except ParseException as error:  # gunicorn parses chunks where they are read
        raise ApiProblemError(400, f"The body's chunks are malformed: {error}.") from None
    return data


def read_query(model: type[Model]) -> Model:
    """Read and validate the request's query string.

    Raises:
        ApiProblemError: 422, it is invalid.
    """
    try:
        return model.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise ApiProblemError.from_validation(error) from None
