"""The API server's audit log, parsed (audit.k8s.io/v1; only what tests ask about)."""

from datetime import datetime
from pathlib import Path

import msgspec


class User(msgspec.Struct, frozen=True):
    """Who asked."""

    username: str = ""
    groups: tuple[str, ...] = ()


class Reference(msgspec.Struct, frozen=True, rename="camel"):
    """What was asked about."""

    resource: str = ""
    namespace: str = ""
    name: str = ""
    api_group: str = ""
    subresource: str = ""


class Response(msgspec.Struct, frozen=True):
    """How it was answered."""

    code: int = 0
    message: str = ""


class Event(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One line of the log; `request_object` is there for RBAC kinds only."""

    audit_id: str = msgspec.field(name="auditID")
    stage: str
    level: str
    verb: str
    user: User
    request_uri: str = msgspec.field(name="requestURI")
    request_received_timestamp: datetime
    impersonated_user: User | None = None
    object_ref: Reference | None = None
    response_status: Response | None = None
    request_object: msgspec.Raw = msgspec.Raw()
    annotations: dict[str, str] = {}


_DECODER = msgspec.json.Decoder(Event)


def read(log: Path) -> list[Event]:
    """All events, oldest first, from the log and the files it was rotated into."""
    files = sorted(log.parent.glob(f"{log.stem}-*{log.suffix}"))
    lines = [line for file in [*files, log] if file.exists() for line in _whole_lines(file)]
    return [_DECODER.decode(line) for line in lines]


def _whole_lines(file: Path) -> list[bytes]:
    # The last line may still be in the middle of being written.
    return [line for line in file.read_bytes().split(b"\n")[:-1] if line]
