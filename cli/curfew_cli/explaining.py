"""`kubectl curfew explain RULE`: what a rule refuses, why, and what to do. Needs no cluster."""

import argparse

from curfew.admission.findings import Rule
from curfew.admission.judge import RULES
from curfew_cli.errors import Failed


def add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    cluster: argparse.ArgumentParser,
) -> None:
    """Add the command; it takes the cluster's options as all do, and does not use them."""
    parser = commands.add_parser(
        "explain", parents=[cluster], help="explain a rule of the guard", description=__doc__
    )
    parser.add_argument("rule", nargs="?", metavar="RULE", help="its id (default: list them)")
    parser.set_defaults(run=_run)


async def _run(options: argparse.Namespace) -> int:
    if options.rule is None:
        print("\n".join(f"{rule.id}: refuses {rule.refuses}" for rule in RULES))
        return 0
    found = next((rule for rule in RULES if rule.id == options.rule), None)
    if found is None:
        known = ", ".join(rule.id for rule in RULES)
        raise Failed(f"there is no rule {options.rule}; there are: {known}")
    print("\n".join(_words(found)))
    return 0


def _words(rule: Rule) -> list[str]:
    return [
        f"{rule.id}",
        f"  refuses  {rule.refuses}",
        f"  why      {rule.why}",
        f"  instead  {rule.cure}",
        f"  source   {rule.source}",
    ]
