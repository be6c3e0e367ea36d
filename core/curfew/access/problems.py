"""What is wrong with a policy or a request: each problem names its field and the cure.

All of them are found at once, so that nobody has to come back for the next one.
"""

from collections.abc import Iterator
from datetime import timedelta

import msgspec

from curfew.access import durations
from curfew.access.api import AccessPolicy, AccessRequest, LentRole
from curfew.access.lendable import Fence
from curfew.access.world import Place, World


class Problem(msgspec.Struct, frozen=True):
    """`reason` is for programs; the text is `field: what, and what to do`."""

    reason: str
    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.field}: {self.text}"


def of_policy(policy: AccessPolicy, fence: Fence, places: tuple[Place, ...]) -> tuple[Problem, ...]:
    """Problems of a policy. `places` are those of its namespaces that exist."""
    spec = policy.spec
    bounds = tuple(_bad_bounds(policy))
    return (*bounds, *_not_lendable(spec.access.roles, spec.scope.namespaces, fence, places))


def of_request(request: AccessRequest, world: World) -> tuple[Problem, ...]:
    """Problems of a request; with any of them nothing is granted."""
    policy = world.policy
    if policy is None:
        name = request.spec.policy_ref.name
        cure = "see which there are: kubectl get accesspolicies"
        missing = f"there is no AccessPolicy {name}; {cure}"
        return (Problem("PolicyNotFound", "spec.policyRef.name", missing),)
    if bad := tuple(_bad_bounds(policy)):
        words = f"AccessPolicy {policy.metadata.name} cannot be used: {bad[0]}"
        return (Problem("PolicyNotUsable", "spec.policyRef.name", words),)
    spec = request.spec
    return (
        *_not_proved(world),
        *_not_allowed(request, world),
        *_outside_policy(request, policy),
        *_bad_duration(request, policy),
        *_not_lendable(spec.access.roles, spec.scope.namespaces, world.fence, world.places),
    )


def duration_of(request: AccessRequest, policy: AccessPolicy) -> timedelta:
    """How long is asked for; raises BadDuration."""
    return durations.parse(request.spec.duration or policy.spec.duration.default)


def _bad_bounds(policy: AccessPolicy) -> Iterator[Problem]:
    bounds = policy.spec.duration
    try:
        longest = durations.parse(bounds.max)
    except durations.BadDuration as error:
        yield Problem("BadDuration", "spec.duration.max", str(error))
        return
    try:
        usual = durations.parse(bounds.default)
    except durations.BadDuration as error:
        yield Problem("BadDuration", "spec.duration.default", str(error))
        return
    if usual > longest:
        words = f"{bounds.default} is longer than spec.duration.max {bounds.max}: make it shorter"
        yield Problem("BadDuration", "spec.duration.default", words)


def _not_proved(world: World) -> Iterator[Problem]:
    if not world.identity_proved:
        words = (
            "who asked cannot be proved: the admission policy curfew-identity was not in force, or"
            " too new, when this was created; ask again, and if it stays so: helm upgrade"
        )
        yield Problem("IdentityNotProven", "spec.requester", words)


def _not_allowed(request: AccessRequest, world: World) -> Iterator[Problem]:
    if request.spec.requester.username.startswith("system:"):
        words = "ServiceAccounts and other system identities do not ask for access: ask as a person"
        yield Problem("NotAPerson", "spec.requester", words)
    elif not world.may_request:
        name = request.spec.policy_ref.name
        words = (
            f"{request.spec.requester.username} may not use AccessPolicy {name}: that takes the"
            f" verb request on accesspolicies.curfew.dev/{name} in a ClusterRole bound to them"
        )
        yield Problem("NotAllowed", "spec.requester", words)


def _outside_policy(request: AccessRequest, policy: AccessPolicy) -> Iterator[Problem]:
    name = policy.metadata.name
    lent = policy.spec.access.roles
    for index, role in enumerate(request.spec.access.roles):
        if role not in lent:
            words = f"AccessPolicy {name} does not lend {_said(role)}, but {_all(lent)}"
            yield Problem("RoleNotInPolicy", f"spec.access.roles[{index}]", words)
    there = policy.spec.scope.namespaces
    for index, namespace in enumerate(request.spec.scope.namespaces):
        if namespace not in there:
            words = f"AccessPolicy {name} lends in {', '.join(there)}, not in {namespace}"
            yield Problem("NamespaceNotInPolicy", f"spec.scope.namespaces[{index}]", words)


def _bad_duration(request: AccessRequest, policy: AccessPolicy) -> Iterator[Problem]:
    try:
        asked = duration_of(request, policy)
    except durations.BadDuration as error:
        yield Problem("BadDuration", "spec.duration", str(error))
        return
    if asked > durations.parse(policy.spec.duration.max):
        words = (
            f"{request.spec.duration} is longer than AccessPolicy {policy.metadata.name} allows:"
            f" ask for {policy.spec.duration.max} or less"
        )
        yield Problem("DurationTooLong", "spec.duration", words)


def _not_lendable(
    roles: tuple[LentRole, ...],
    namespaces: tuple[str, ...],
    fence: Fence,
    places: tuple[Place, ...],
) -> Iterator[Problem]:
    found = {place.name: place for place in places}
    for index, name in enumerate(namespaces):
        place = found.get(name)
        if place is None:
            words = f"there is no namespace {name}: name one that exists"
            yield Problem("NamespaceNotFound", f"spec.scope.namespaces[{index}]", words)
            continue
        for number, role in enumerate(roles):
            if unfit := _unfit(role, place, fence):
                yield Problem(unfit[0], f"spec.access.roles[{number}]", unfit[1])


def _unfit(role: LentRole, place: Place, fence: Fence) -> tuple[str, str] | None:
    if not fence.holds(role, place.name, place.labels):
        return "NotLendable", (
            f"{_said(role)} is not lendable in namespace {place.name}: an administrator may add it"
            f" to the chart value lendable (never for system namespaces)"
        )
    if role not in place.roles:
        return "RoleNotFound", (
            f"there is no {_said(role)} for namespace {place.name}: name one that exists, since"
            f" Curfew writes no roles"
        )
    return None


def _said(role: LentRole) -> str:
    return f"{role.kind.value} {role.name}"


def _all(roles: tuple[LentRole, ...]) -> str:
    return ", ".join(_said(role) for role in roles)
