"""Progress of long work: a line that moves on a terminal, a few plain lines in a pipe."""

import sys
from typing import TextIO


class Progress:
    """Counts up to `total` units of `what`."""

    def __init__(self, what: str, total: int, out: TextIO = sys.stderr) -> None:
        self._what = what
        self._total = max(total, 1)
        self._out = out
        self._terminal = out.isatty()
        self._done = 0
        self._shown = -1

    def advance(self, units: int = 1) -> None:
        """Count what was done; a pipe hears of it every ten per cent."""
        self._done += units
        percent = min(99, 100 * self._done // self._total)
        if self._terminal and percent != self._shown:
            self._out.write(f"\r{self._what}: {percent:2d} %\x1b[K")
            self._out.flush()
            self._shown = percent
        elif not self._terminal and percent // 10 > self._shown // 10:
            self._out.write(f"{self._what}: {percent // 10 * 10} %\n")
            self._out.flush()
            self._shown = percent

    def close(self) -> None:
        """Leave the terminal's line clean for what comes next."""
        if self._terminal and self._shown >= 0:
            self._out.write("\r\x1b[K")
            self._out.flush()
