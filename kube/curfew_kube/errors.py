"""What can go wrong, split by whose fault it is, because each has another cure.

The caller's: asking again unchanged is pointless. The cluster's: asking again later may help.
Ours: the credentials or the trust this program was started with are not right. Each carries data,
and derives its text from it.
"""

from datetime import datetime

from curfew_kube.status import Status


class KubeError(Exception):
    """Any failed call."""


class Refused(KubeError):
    """The API server answered, and the answer was no; `date` is its clock (None: not sent)."""

    def __init__(self, call: str, status: Status, date: datetime | None) -> None:
        super().__init__(call, status, date)
        self.call = call
        self.status = status
        self.date = date

    def __str__(self) -> str:
        reason = f" {self.status.reason}" if self.status.reason else ""
        return f"{self.call}: {self.status.code}{reason}: {self.status.message}"


class CallerFault(Refused):
    """400-499: the request is wrong, or not allowed."""


class Unauthorized(CallerFault):
    """401: the API server does not know who we are, also with freshly read credentials."""


class Forbidden(CallerFault):
    """403: known, and not allowed; or refused by admission."""


class NotFound(CallerFault):
    """404: no such object or kind."""


class Conflict(CallerFault):
    """409: another version or UID than the one asked for, or another field manager's field."""


class AlreadyExists(Conflict):
    """409: the name is taken."""


class Expired(CallerFault):
    """410: this version of the list is no longer there; list again."""


class Invalid(CallerFault):
    """422: the schema or a validation refuses it; `status.details.causes` names the fields."""


class ClusterFault(KubeError):
    """The cluster could not answer; the same call may work later."""


class ServerFailed(Refused, ClusterFault):
    """500-599; `retry_after` is in seconds, where the server asks for that (it may with any)."""

    def __init__(
        self, call: str, status: Status, date: datetime | None, retry_after: float | None
    ) -> None:
        super().__init__(call, status, date)
        self.retry_after = retry_after


class Overloaded(ServerFailed):
    """429: nothing was done."""


class Unreachable(ClusterFault):
    """No answer. `sent`: the request may have been carried out all the same."""

    def __init__(self, call: str, cause: str, *, sent: bool) -> None:
        super().__init__(call, cause)
        self.call = call
        self.cause = cause
        self.sent = sent

    def __str__(self) -> str:
        known = "it is not known whether it was carried out" if self.sent else "nothing was sent"
        return f"{self.call}: no answer from the API server ({self.cause}); {known}"


class Malformed(ClusterFault):
    """An answer that is not what the API promises."""

    def __init__(self, call: str, cause: str) -> None:
        super().__init__(call, cause)
        self.call = call
        self.cause = cause

    def __str__(self) -> str:
        return f"{self.call}: the answer cannot be read: {self.cause}"


class CredentialFault(KubeError):
    """Our own credentials cannot be used; the text says where they come from."""


class Untrusted(CredentialFault):
    """The server's certificate is not one that we were told to trust, so nothing was sent."""

    def __init__(self, server: str, trusted: str, cause: str) -> None:
        super().__init__(server, trusted, cause)
        self.server = server
        self.trusted = trusted
        self.cause = cause

    def __str__(self) -> str:
        return (
            f"{self.server} presents a certificate that {self.trusted} does not vouch for"
            f" ({self.cause}): nothing was sent. Either this is another server than the one meant,"
            f" or its authority has changed: get the credentials anew"
        )


_BY_CODE: dict[int, type[CallerFault]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Expired,
    422: Invalid,
}
_TOO_MANY = 429
_SERVER = 500


def refusal(
    call: str, status: Status, date: datetime | None, retry_after: float | None = None
) -> Refused:
    """The error that a Status stands for; inside a stream its own `retryAfterSeconds` holds."""
    if retry_after is None and status.details is not None:
        retry_after = status.details.retry_after_seconds or None
    if status.code == _TOO_MANY:
        return Overloaded(call, status, date, retry_after)
    if status.code >= _SERVER:
        return ServerFailed(call, status, date, retry_after)
    if status.reason == "AlreadyExists":
        return AlreadyExists(call, status, date)
    return _BY_CODE.get(status.code, CallerFault)(call, status, date)
