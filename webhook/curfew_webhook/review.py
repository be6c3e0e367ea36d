"""AdmissionReview v1: what the API server asks, and what it is answered.

Source: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
Only the fields that are read are decoded; the objects stay raw until a kind is known.
"""

import base64
import enum

import msgspec


class Operation(enum.Enum):
    """What is being done to the object."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    CONNECT = "CONNECT"


class GroupResource(msgspec.Struct, frozen=True, gc=False):
    """The kind of the request, by its plural name."""

    group: str
    resource: str


class UserInfo(msgspec.Struct, frozen=True, gc=False):
    """Who asks, as the API server authenticated them."""

    username: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()


class Request(msgspec.Struct, frozen=True, rename="camel"):
    """One write. An object that is not there is the JSON value null."""

    uid: str
    resource: GroupResource
    operation: Operation
    user_info: UserInfo
    name: str = ""
    namespace: str = ""
    object: msgspec.Raw = msgspec.Raw(b"null")
    old_object: msgspec.Raw = msgspec.Raw(b"null")


class Review(msgspec.Struct, frozen=True, rename="camel"):
    """The whole of what is posted."""

    api_version: str
    kind: str
    request: Request


class BadReview(ValueError):
    """The body is no AdmissionReview that can be answered; the text says what is wrong with it."""


class _Status(msgspec.Struct, frozen=True):
    message: str
    code: int
    reason: str = "Forbidden"


class Response(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The answer to the request of that `uid`."""

    uid: str
    allowed: bool
    status: _Status | None = None
    warnings: tuple[str, ...] = ()
    audit_annotations: dict[str, str] = {}
    patch_type: str = ""
    patch: str = ""


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    response: Response
    api_version: str = "admission.k8s.io/v1"
    kind: str = "AdmissionReview"


_DECODER = msgspec.json.Decoder(Review)
_ENCODER = msgspec.json.Encoder()
_FORBIDDEN = 403
_UNAVAILABLE = 503


def read(body: bytes) -> Request:
    """The request in a body; raises BadReview."""
    try:
        review = _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadReview(f"the body is no AdmissionReview: {error}") from error
    if (review.kind, review.api_version) != ("AdmissionReview", "admission.k8s.io/v1"):
        raise BadReview(
            f"the body is {review.kind[:100]} {review.api_version[:100]},"
            f" not AdmissionReview admission.k8s.io/v1"
        )
    if not review.request.uid:
        raise BadReview("request.uid is empty, so no answer could be told apart from another")
    return review.request


def write(response: Response) -> bytes:
    """The body of an answer."""
    return _ENCODER.encode(_Answer(response))


def admitted(request: Request, warnings: tuple[str, ...] = (), **audit: str) -> Response:
    """It may pass; `audit` goes to the API server's audit log."""
    return Response(request.uid, allowed=True, warnings=warnings, audit_annotations=audit)


def refused(request: Request, message: str, **audit: str) -> Response:
    """It may not pass, and the message says why and what to do."""
    status = _Status(message, _FORBIDDEN)
    return Response(request.uid, allowed=False, status=status, audit_annotations=audit)


def undecided(request: Request, message: str, **audit: str) -> Response:
    """It could not be told, so it may not pass now; whoever writes may try again."""
    status = _Status(message, _UNAVAILABLE, "ServiceUnavailable")
    return Response(request.uid, allowed=False, status=status, audit_annotations=audit)


def patched(request: Request, operations: list[dict[str, object]]) -> Response:
    """It may pass, changed by a JSON patch."""
    patch = base64.b64encode(msgspec.json.encode(operations)).decode()
    return Response(request.uid, allowed=True, patch_type="JSONPatch", patch=patch)
