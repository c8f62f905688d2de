"""Forms that change something: they carry a token that only our own pages have, so that no other site can send them.

The token is signed with Airflow's secret key and names its user (OWASP, "Cross-Site Request Forgery Prevention", signed
tokens). Browsers that say where a request comes from (`Sec-Fetch-Site`) are believed as well.
"""

from urllib.parse import parse_qsl

from airflow.configuration import conf
from fastapi import HTTPException, Request, status
from itsdangerous import BadData, URLSafeTimedSerializer

_MAX_AGE_S = 24 * 3600
"""As long as a session lasts by default in Airflow."""
_MAX_BYTES = 64 * 1024
_MAX_FIELDS = 20
_OWN = ("same-origin", "none")
_AGAIN = "Go back, reload the page, and send the form again."


def token_for(user_id: str) -> str:
    """The token of a user's forms."""
    return _serializer().dumps(user_id)


async def read_form(request: Request, user_id: str) -> dict[str, str]:
    """The fields of a form that one of our pages sent; of a name that occurs twice the last one.

    Raises:
        HTTPException: another site sent it, its token is not this user's or too old, or it is too large.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in _OWN:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "Another site sent this form, so nothing was changed.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BYTES:
            raise HTTPException(status.HTTP_413_CONTENT_TOO_LARGE, "The form is too large, so nothing was changed.")
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError:
        raise HTTPException(status.HTTP_400_BAD_REQUEST, f"The form can't be read. {_AGAIN}") from None
    try:
        sent_by = _serializer().loads(fields.pop("token", ""), max_age=_MAX_AGE_S)
    except BadData:
        raise HTTPException(status.HTTP_403_FORBIDDEN, f"The form has no valid token. {_AGAIN}") from None
    if sent_by != user_id:
        raise HTTPException(status.HTTP_403_FORBIDDEN, f"Another user opened this form. {_AGAIN}")
    return fields


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(conf.get_mandatory_value("api", "secret_key"), salt="loadtasks.pages")
