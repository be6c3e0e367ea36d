"""The API server's own account of a failure.

Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
"""

import msgspec


class Cause(msgspec.Struct, frozen=True):
    """One field that was wrong; `field` is a path such as `spec.duration`."""

    reason: str = ""
    message: str = ""
    field: str = ""


class Details(msgspec.Struct, frozen=True, rename="camel"):
    """What the failure is about."""

    name: str = ""
    kind: str = ""
    causes: tuple[Cause, ...] = ()
    retry_after_seconds: int = 0


class Status(msgspec.Struct, frozen=True):
    """`reason` is for programs (`AlreadyExists`), `message` for people; `code` is HTTP's."""

    code: int = 0
    reason: str = ""
    message: str = ""
    details: Details | None = None


_DECODER = msgspec.json.Decoder(Status)
_LONGEST_MESSAGE = 500
_UNKNOWN = 500


def read_status(code: int | None, body: bytes) -> Status:
    """The Status in an answer; a made-up one around the text where a proxy answered instead.

    `code` is HTTP's; None inside a stream, where the Status has its own.
    """
    try:
        status = _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        status = Status()
    if status.message or status.reason:
        return msgspec.structs.replace(status, code=code or status.code or _UNKNOWN)
    words = body[:_LONGEST_MESSAGE].decode("utf-8", "replace").strip()
    return Status(code=code or _UNKNOWN, message=words or "no reason was given")
