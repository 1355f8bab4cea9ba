"""What can go wrong in a request, as types: callers decide by class and never look at numbers.

Messages are the API server's own; they name objects and fields and never the content of a Secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

MESSAGE_MAX: Final = 1024
"""Characters kept of the server's sentence: a refused object may be told field by field over pages."""


class ApiError(Exception):
    """The API server refused a request.

    `status` is the HTTP code (0: no answer came), `reason` the machine-readable word of the answer's Status object
    (`AlreadyExists`, `Invalid`, ...), `message` its sentence, `details` its details object (kind, name, causes).
    """

    def __init__(
        self, *, status: int, reason: str = "", message: str = "", details: Mapping[str, Any] | None = None
    ) -> None:
        self.status = status
        self.reason = reason
        self.message = message or reason or f"HTTP {status}"
        self.details: Mapping[str, Any] = details or {}
        super().__init__(self.message)


class BadRequest(ApiError):
    """400: the request itself was malformed."""


class Unauthorized(ApiError):
    """401: the credentials are not accepted, also after they were read again."""


class Forbidden(ApiError):
    """403: not allowed by RBAC or an admission rule; a quota refusal says `exceeded quota`."""

    @property
    def quota(self) -> bool:
        """Whether a ResourceQuota refused the object."""
        return "exceeded quota" in self.message


class NotFound(ApiError):
    """404: the object, its namespace or its kind does not exist."""


class Conflict(ApiError):
    """409: the object changed meanwhile, or a precondition (uid, resourceVersion) does not hold."""


class AlreadyExists(Conflict):
    """409: a create met an object of that name."""


class Gone(ApiError):
    """410: the resource version or continue token is too old; list again."""


class Invalid(ApiError):
    """422: the object is refused by its schema or validation."""


class TooManyRequests(ApiError):
    """429 even after waiting as long as the server asked."""


class Unavailable(ApiError):
    """No answer, or a 5xx: nothing is known about the request's effect; try again later."""


_BY_STATUS: Mapping[int, type[ApiError]] = {
    HTTPStatus.BAD_REQUEST: BadRequest,
    HTTPStatus.UNAUTHORIZED: Unauthorized,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.GONE: Gone,
    HTTPStatus.UNPROCESSABLE_ENTITY: Invalid,
    HTTPStatus.TOO_MANY_REQUESTS: TooManyRequests,
}


def error_of(status: int, body: object) -> ApiError:
    """Return the error for an answer with code `status` and decoded `body` (a Status object, or anything)."""
    fields: Mapping[str, Any] = body if isinstance(body, Mapping) and body.get("kind") == "Status" else {}
    reason = str(fields.get("reason") or "")
    error: type[ApiError]
    if reason == "AlreadyExists":
        error = AlreadyExists
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        error = Unavailable
    else:
        error = _BY_STATUS.get(status, ApiError)
    message = str(fields.get("message") or "") or (body if isinstance(body, str) else "")
    if len(message) > MESSAGE_MAX:
        message = message[: MESSAGE_MAX - 1] + "…"
    return error(status=status, reason=reason, message=message, details=fields.get("details"))
