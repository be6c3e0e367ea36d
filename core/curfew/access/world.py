"""What the operator has seen of the cluster when it plans: values, as fresh as they were read."""

import msgspec

from curfew.access.api import AccessPolicy, Layer, LentRole
from curfew.access.binding import LentBinding
from curfew.access.lendable import Fence
from curfew.objects.rbac import Role


class Place(msgspec.Struct, frozen=True):
    """A namespace that exists, with its labels and the asked roles that can be bound there."""

    name: str
    labels: dict[str, str]
    roles: dict[LentRole, Role]


class Proof(msgspec.Struct, frozen=True):
    """The authorizer's answers after the delete: what else the user may still do, and how soon the
    first refusal was seen."""

    residual: tuple[str, ...]
    latency_ms: int


class World(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a plan may rest on. `refused`: the words with which a binding was refused;
    `identity_proved`: whether the API server held the requester true when the request was made.
    """

    fence: Fence
    policy: AccessPolicy | None = None
    places: tuple[Place, ...] = ()
    may_request: bool = False
    identity_proved: bool = False
    bindings: tuple[LentBinding, ...] = ()
    refused: str = ""
    proof: Proof | None = None
    layer: Layer = Layer.ELSEWHERE
