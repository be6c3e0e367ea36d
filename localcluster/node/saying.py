"""The node's own log."""

import sys


def say(line: str) -> None:
    """Write a line of the log."""
    print(f"node: {line}", file=sys.stderr, flush=True)  # noqa: T201 - its log
