"""How long to wait before asking again.

Exponential with full jitter, so that many clients of a server that comes back do not come together;
a `Retry-After` is a lower bound, never shortened (RFC 9110, 10.2.3).
"""

import msgspec


class Backoff(msgspec.Struct, frozen=True):
    """Seconds: the first bound, and the one it never exceeds."""

    first: float = 0.1
    longest: float = 10.0

    def delay(self, attempt: int, chance: float, retry_after: float | None = None) -> float:
        """Seconds before attempt `attempt` + 1 (counted from 0); `chance` is random in [0, 1).

        At least a tenth of the bound, so that a failing server is never asked in a tight loop.
        """
        bound = min(self.longest, self.first * 2.0 ** min(attempt, 32))
        jittered = bound * (0.1 + 0.9 * chance)
        return jittered if retry_after is None else retry_after + jittered
