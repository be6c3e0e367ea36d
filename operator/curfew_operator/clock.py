"""The API server's clock, which alone decides when access ends.

Every answer carries it, cut to whole seconds, so each answer says: it is at least this late. The
latest of what the last answers say, counted on by this machine's monotonic clock, is never ahead of
the API server, and comes close to it with each answer. Only the last answers count, because two
clocks drift apart.
"""

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

_KEPT = 32


class NoTimeYet(Exception):
    """No answer of the API server was seen so far."""


class ServerClock:
    """`monotonic` counts seconds and never goes back."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._offsets: deque[float] = deque(maxlen=_KEPT)

    def see(self, date: datetime) -> None:
        """Take note of an answer's Date that came in just now."""
        self._offsets.append(date.timestamp() - self._monotonic())

    def now(self) -> datetime:
        """The API server's time; raises NoTimeYet."""
        if not self._offsets:
            raise NoTimeYet("the API server has not answered yet")
        return datetime.fromtimestamp(max(self._offsets) + self._monotonic(), UTC)
