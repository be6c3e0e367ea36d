"""`kubectl curfew request`: ask for roles in namespaces, and wait until the answer is there."""

import argparse

from curfew.access import durations
from curfew.access.api import GROUP, VERSION, AccessPolicy, AccessRequest, LentRole
from curfew.access.conditions import ConditionType, find
from curfew.access.lifecycle import ENDS, Phase
from curfew.objects.rbac import RoleKind
from curfew_cli.errors import Failed, Misused
from curfew_cli.printing import when
from curfew_cli.session import Session, connect

_PATIENCE = 30.0
_KINDS = {"role": RoleKind.ROLE, "clusterrole": RoleKind.CLUSTER_ROLE}


def add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    cluster: argparse.ArgumentParser,
) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "request",
        parents=[cluster],
        help="ask for roles for a while",
        description="Ask for roles for a while, and wait until they are lent or refused.",
    )
    parser.add_argument("roles", nargs="+", metavar="ROLE", help="a ClusterRole, or role/NAME")
    parser.add_argument("-n", "--namespace", action="append", help="where; may be repeated")
    parser.add_argument("--for", dest="duration", default="", help="how long, like 30m or 1h30m")
    parser.add_argument("--policy", help="the AccessPolicy (default: one that lends this to you)")
    parser.add_argument("--reason", default="", help="why, for those who read the trail")
    parser.add_argument("--ticket", default="", help="the ticket that it belongs to")
    parser.add_argument("--no-wait", action="store_true", help="do not wait for the answer")
    parser.add_argument("-o", "--output", choices=["name"], help="print only the name")
    parser.set_defaults(run=_run)


async def _run(options: argparse.Namespace) -> int:
    roles = tuple(_role(text) for text in options.roles)
    if options.duration:
        _checked(options.duration)
    async with connect(options) as session:
        namespaces = tuple(options.namespace or [await session.source.namespace()])
        policy = options.policy or await _choose(session, roles, namespaces)
        made = await session.create(_body(options, roles, namespaces, policy))
        name = made.metadata.name
        if options.output == "name":
            print(f"accessrequest.curfew.dev/{name}")
        if options.no_wait:
            if options.output != "name":
                print(f"{name} is asked for; look: kubectl curfew show {name}")
            return 0
        found = await session.until(name, _answered, _PATIENCE)
        return _tell(found, quiet=options.output == "name")


def _role(text: str) -> LentRole:
    kind, slash, name = text.partition("/")
    if not slash:
        return LentRole(RoleKind.CLUSTER_ROLE, text)
    if kind.lower() not in _KINDS or not name:
        raise Misused(f"{text} is no role: write NAME or clusterrole/NAME, or role/NAME")
    return LentRole(_KINDS[kind.lower()], name)


def _checked(text: str) -> None:
    try:
        durations.parse(text)
    except durations.BadDuration as error:
        raise Misused(f"--for: {error}") from error


async def _choose(
    session: Session, roles: tuple[LentRole, ...], namespaces: tuple[str, ...]
) -> str:
    policies = await session.policies()
    fitting = [policy for policy in policies if _lends(policy, roles, namespaces)]
    for policy in fitting:
        if await session.may_ask(policy.metadata.name):
            return policy.metadata.name
    wanted = f"{', '.join(role.name for role in roles)} in {', '.join(namespaces)}"
    if fitting:
        names = ", ".join(policy.metadata.name for policy in fitting)
        raise Failed(
            f"{wanted} is lent by AccessPolicy {names}, but not to you: that takes the verb request"
            f" on it"
        )
    raise Failed(f"no AccessPolicy lends {wanted}; see what is lent: kubectl get accesspolicies")


def _lends(policy: AccessPolicy, roles: tuple[LentRole, ...], namespaces: tuple[str, ...]) -> bool:
    spec = policy.spec
    return set(roles) <= set(spec.access.roles) and set(namespaces) <= set(spec.scope.namespaces)


def _body(
    options: argparse.Namespace,
    roles: tuple[LentRole, ...],
    namespaces: tuple[str, ...],
    policy: str,
) -> dict[str, object]:
    spec: dict[str, object] = {
        "policyRef": {"name": policy},
        "access": {"roles": roles},
        "scope": {"namespaces": namespaces},
    }
    if options.duration:
        spec["duration"] = options.duration
    if options.reason or options.ticket:
        spec["justification"] = {"reason": options.reason, "ticket": options.ticket}
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "AccessRequest",
        "metadata": {"generateName": "req-"},
        "spec": spec,
    }


def _answered(request: AccessRequest) -> bool:
    return request.status.phase in ENDS or request.status.phase is Phase.ACTIVE


def _tell(request: AccessRequest, *, quiet: bool) -> int:
    name, status = request.metadata.name, request.status
    if status.phase is Phase.ACTIVE:
        roles = ", ".join(role.name for role in request.spec.access.roles)
        places = ", ".join(request.spec.scope.namespaces)
        if not quiet:
            print(f"{name}: you have {roles} in {places} until {when(status.expires_at)}")
            print(f"To give it back earlier: kubectl curfew drop {name}")
        return 0
    if status.phase in ENDS:
        words = [
            found.message
            for kind in (ConditionType.ACCEPTED, ConditionType.GRANTED)
            if (found := find(status.conditions, kind)) is not None and found.message
        ]
        raise Failed(f"{name} was not granted: {'; '.join(words) or status.phase.value}")
    raise Failed(
        f"{name} is still {status.phase.value} after {_PATIENCE:.0f} s: does the operator run?"
        f" Look again: kubectl curfew show {name}"
    )
