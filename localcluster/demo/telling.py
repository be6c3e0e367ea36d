"""How the story is told, and how it checks itself: a step that is not as told ends it."""

import sys
import time
from collections.abc import Callable


class NotAsTold(Exception):
    """What happened is not what the story says; the text says both."""


class Teller:
    """Writes steps. Colour where `out` is a terminal, plain text where it is not."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._colour = sys.stdout.isatty()
        self._clock = clock
        self._started = clock()

    def title(self, text: str) -> None:
        """Begin a part."""
        self._line(f"\n{self._in(text, '1')}")

    def step(self, text: str) -> None:
        """Say what is done now, and how far into the story."""
        since = f"{self._clock() - self._started:5.1f} s"
        self._line(f"{self._in(since, '2')}  {text}")

    def quote(self, text: str) -> None:
        """Show what a program really said."""
        for line in text.strip().splitlines():
            self._line(f"         {self._in('|', '2')} {line}")

    def good(self, text: str) -> None:
        """Say what was checked and is so."""
        self._line(f"         {self._in('ok', '32')} {text}")

    def must(self, text: str, *, so: bool, found: str) -> None:
        """Check, and say so; raises NotAsTold with what was found instead."""
        if not so:
            raise NotAsTold(f"not as told: {text}\n  found: {found.strip() or 'nothing'}")
        self.good(text)

    def _in(self, text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colour else text

    def _line(self, text: str) -> None:
        print(text, flush=True)
