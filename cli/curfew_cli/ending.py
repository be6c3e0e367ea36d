"""`kubectl curfew drop`: give access back before its time."""

import argparse

from curfew.access.lifecycle import ENDS
from curfew_cli.errors import Failed
from curfew_cli.session import connect

_PATIENCE = 30.0


def add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    cluster: argparse.ArgumentParser,
) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "drop", parents=[cluster], help="give access back now", description=__doc__
    )
    parser.add_argument("name", metavar="NAME", help="the access request")
    parser.add_argument("--no-wait", action="store_true", help="do not wait for the proof")
    parser.set_defaults(run=_run)


async def _run(options: argparse.Namespace) -> int:
    async with connect(options) as session:
        before = await session.request(options.name)
        if before.status.phase in ENDS:
            print(f"{options.name} has ended already: {before.status.phase.value}")
            return 0
        await session.cancel(options.name)
        if options.no_wait:
            print(f"{options.name} is being given back")
            return 0
        found = await session.until(options.name, lambda one: one.status.phase in ENDS, _PATIENCE)
    if found.status.phase not in ENDS:
        raise Failed(
            f"{options.name} is still {found.status.phase.value} after {_PATIENCE:.0f} s: does the"
            f" operator run? Its deadline stands. Look again: kubectl curfew show {options.name}"
        )
    print(f"{options.name}: {found.status.phase.value}; the access is gone")
    for words in found.status.verification.residual if found.status.verification else ():
        print(f"  still allowed by other access: {words}")
    return 0
