"""`curfew`, and as kubectl finds it, `kubectl curfew`: ask for access, look at it, give it back.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 could not tell (the cluster is away).
"""

import argparse
import asyncio
import sys
from pathlib import Path

from curfew.objects.resource import BadName
from curfew_cli import asking, ending, explaining, showing
from curfew_cli.errors import Failed, Misused
from curfew_kube.errors import CallerFault, KubeError

_UNKNOWN = 3


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = asyncio.run(options.run(options))
    except KeyboardInterrupt:
        return 130
    except BadName as error:
        return _say(str(error), Misused.code)
    except Failed as error:
        return _say(str(error), error.code)
    except CallerFault as error:
        return _say(error.status.message, Failed.code)
    except KubeError as error:
        return _say(str(error), _UNKNOWN)
    return code


def _say(words: str, code: int) -> int:
    sys.stderr.write(f"error: {words}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kubectl curfew",
        description="Ask for access for a while, look at it, and give it back.",
    )
    cluster = argparse.ArgumentParser(add_help=False)
    cluster.add_argument("--kubeconfig", type=Path, help="default: $KUBECONFIG or ~/.kube/config")
    cluster.add_argument("--context", help="default: the kubeconfig's current one")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (asking, showing, ending, explaining):
        module.add(commands, cluster)
    return parser


if __name__ == "__main__":
    sys.exit(main())
