"""Go's duration strings, as Kubernetes writes them (https://pkg.go.dev/time#ParseDuration)."""

import re
from datetime import timedelta

_WHOLE = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:h|ms|m|s))+")
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|ms|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_LONGEST_TEXT = 32
_LONGEST_SECONDS = 100 * 366 * 86_400  # so that a deadline is always on the calendar


class BadDuration(ValueError):
    """A text that is no duration of at least one second; `text` holds it."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text[:_LONGEST_TEXT]!r} is no duration from a second to 100 years: write it"
            f" like 90s, 30m or 1h30m"
        )
        self.text = text


def parse(text: str) -> timedelta:
    """A duration of one second or more; raises BadDuration."""
    if len(text) > _LONGEST_TEXT or not _WHOLE.fullmatch(text):
        raise BadDuration(text)
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    if not 1 <= seconds <= _LONGEST_SECONDS:
        raise BadDuration(text)
    return timedelta(seconds=seconds)
