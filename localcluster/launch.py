"""Becomes the program it starts, after writing down its own process id.

The id survives the exec, so a component is on record before it runs: whoever started it may be
killed at any moment. The lock that is inherited is let go only then, so nobody looks at the record
too early.
"""

import os
import sys
from pathlib import Path


def main(record: str, lock: str, *argv: str) -> None:
    if os.fork():
        os._exit(0)  # whoever started us waits for this half, and never for the program
    unfinished = Path(f"{record}.new")
    unfinished.write_text(str(os.getpid()))
    unfinished.replace(record)
    if lock:
        os.close(int(lock))
    os.execv(argv[0], argv)  # noqa: S606 - becoming another program, without a shell, is the point


if __name__ == "__main__":
    main(*sys.argv[1:])
