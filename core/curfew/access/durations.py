"""Go's duration strings, as Kubernetes writes them (https://pkg.go.dev/time#ParseDuration)."""

import re
from datetime import timedelta

_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:h|ms|m|s))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_LONGEST_TEXT = 32


class BadDuration(ValueError):
    """A text that is no duration of at least one second; `text` holds it."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text[:_LONGEST_TEXT]!r} is no duration of a second or more: write it like 90s, 30m"
            f" or 1h30m"
        )
        self.text = text


def parse(text: str) -> timedelta:
    """A duration of one second or more; raises BadDuration."""
    if len(text) > _LONGEST_TEXT or not _WHOLE.fullmatch(text):
        raise BadDuration(text)
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    try:
        duration = timedelta(seconds=seconds)
    except OverflowError:
        raise BadDuration(text) from None
    if duration < timedelta(seconds=1):
        raise BadDuration(text)
    return duration


def text(duration: timedelta) -> str:
    """The shortest spelling in hours, minutes and whole seconds: `1h30m`, `20s`."""
    hours, rest = divmod(int(duration.total_seconds()), 3600)
    minutes, seconds = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{value}{unit}" for value, unit in parts if value) or "0s"
