"""The input of a request, validated: its JSON body and its query string."""

from typing import TypeVar

from flask import request
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
        ApiProblemError: 415, it isn't declared as JSON; 413, it is too large; 400, it isn't JSON; 422, it is invalid.
    """
    if not request.is_json:
        raise ApiProblemError(415, "Send the body as Content-Type: application/json.")
    data = request.get_data(cache=False)
    if request.content_length is None:
        # Werkzeug silently cuts a body of unknown length at the limit; reading on raises the 413.
        request.stream.read(1)
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise ApiProblemError.from_validation(error) from None


def read_query(model: type[Model]) -> Model:
    """Read and validate the request's query string.

    Raises:
        ApiProblemError: 422, it is invalid.
    """
    try:
        return model.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise ApiProblemError.from_validation(error) from None
