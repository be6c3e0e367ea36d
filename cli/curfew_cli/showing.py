"""`kubectl curfew list` and `show`: what was asked for, and what became of it."""

import argparse

from curfew.access.api import AccessRequest
from curfew.access.lifecycle import ENDS
from curfew_cli.errors import Failed
from curfew_cli.printing import structured, table, when
from curfew_cli.session import connect
from curfew_kube.errors import Forbidden

_FORMS = ["table", "wide", "json", "yaml", "name"]
_HEAD = ["NAME", "REQUESTER", "ROLE", "SCOPE", "PHASE", "EXPIRES"]


def add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    cluster: argparse.ArgumentParser,
) -> None:
    """Add the commands."""
    every = commands.add_parser(
        "list", parents=[cluster], help="list access requests that are open", description=__doc__
    )
    every.add_argument("--all", action="store_true", help="also those that have ended")
    every.add_argument("-o", "--output", choices=_FORMS, default="table")
    every.set_defaults(run=_list)
    one = commands.add_parser("show", parents=[cluster], help="show one request and its life")
    one.add_argument("name", metavar="NAME")
    one.add_argument("-o", "--output", choices=_FORMS, default="table")
    one.set_defaults(run=_show)


async def _list(options: argparse.Namespace) -> int:
    async with connect(options) as session:
        try:
            found = await session.requests()
        except Forbidden as error:
            raise Failed(
                f"you may not list access requests ({error.status.message}); one whose name you"
                f" know: kubectl curfew show NAME"
            ) from error
    shown = [one for one in found if options.all or one.status.phase not in ENDS]
    if options.output in ("json", "yaml"):
        print(structured(shown, options.output, as_list=True))
    elif options.output == "name":
        for one in shown:
            print(f"accessrequest.curfew.dev/{one.metadata.name}")
    elif shown:
        wide = options.output == "wide"
        head = [*_HEAD, "POLICY", "REASON"] if wide else _HEAD
        print(table(head, [_row(one, wide=wide) for one in shown]))
    else:
        print("No access requests are open." if not options.all else "No access requests.")
    return 0


def _row(request: AccessRequest, *, wide: bool) -> list[str]:
    spec, status = request.spec, request.status
    row = [
        request.metadata.name,
        spec.requester.username,
        ",".join(role.name for role in spec.access.roles),
        ",".join(spec.scope.namespaces),
        status.phase.value,
        when(status.expires_at),
    ]
    return [*row, spec.policy_ref.name, spec.justification.reason or "-"] if wide else row


async def _show(options: argparse.Namespace) -> int:
    async with connect(options) as session:
        request = await session.request(options.name)
    if options.output in ("json", "yaml"):
        print(structured([request], options.output, as_list=False))
    elif options.output == "name":
        print(f"accessrequest.curfew.dev/{request.metadata.name}")
    else:
        print("\n".join(_timeline(request)))
    return 0


def _timeline(request: AccessRequest) -> list[str]:
    spec, status = request.spec, request.status
    facts = {
        "Name": request.metadata.name,
        "Requester": spec.requester.username,
        "Policy": spec.policy_ref.name,
        "Roles": ", ".join(f"{role.kind.value} {role.name}" for role in spec.access.roles),
        "Namespaces": ", ".join(spec.scope.namespaces),
        "Reason": spec.justification.reason or "-",
        "Phase": status.phase.value,
        "Expires": when(status.expires_at),
    }
    lines = [f"{name + ':':<12}{value}" for name, value in facts.items()]
    lines += ["Life:", f"  {when(request.metadata.creation_timestamp)}  asked for"]
    lines += [f"  {when(step.at)}  {step.phase.value}" for step in status.history]
    lines += [
        f"{found.type}={found.status.value} ({found.reason}): {found.message}"
        for found in status.conditions
    ]
    if proof := status.verification:
        lines.append(
            f"Proof: ended by {proof.layer.value}; {proof.revoke_latency_ms} ms from the delete"
            f" until the authorizer refused"
        )
        lines += [f"  still allowed by other access: {words}" for words in proof.residual]
    return lines
