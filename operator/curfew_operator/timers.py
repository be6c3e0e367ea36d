"""When to look at a request again: one heap, whose top is the next moment that matters."""

import heapq
from datetime import datetime


class Timers:
    """One moment for each name. Setting it anew replaces it; an earlier entry is just skipped."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str]] = []
        self._set: dict[str, datetime] = {}

    def set(self, name: str, at: datetime | None) -> None:
        """Wake for `name` then; None: not at all."""
        if at is None:
            self._set.pop(name, None)
        elif self._set.get(name) != at:
            self._set[name] = at
            heapq.heappush(self._heap, (at, name))

    def next(self) -> datetime | None:
        """The earliest moment that is set."""
        while self._heap and self._set.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now: datetime) -> list[str]:
        """Take out the names whose moment has come, earliest first."""
        names = []
        while (at := self.next()) is not None and at <= now:
            names.append(heapq.heappop(self._heap)[1])
            del self._set[names[-1]]
        return names
