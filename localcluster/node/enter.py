"""Becomes a container's program, after writing down its own process id.

The id survives the exec, so a container is on record before it runs, whenever the node is killed.
If that has happened already, nobody would end the program: it is not begun.
"""

import os
import sys
from pathlib import Path


def main(record: str, node: str, *argv: str) -> None:
    unfinished = Path(f"{record}.new")
    unfinished.write_text(str(os.getpid()))
    unfinished.replace(record)
    if os.getppid() != int(node):
        Path(record).unlink(missing_ok=True)
        return
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - becoming another program, without a shell, is the point
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201 - the container's log
        sys.exit(127)


if __name__ == "__main__":
    main(*sys.argv[1:])
