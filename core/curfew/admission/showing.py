"""Text that somebody else chose, as it may stand in an answer: on one line, and not without end."""

_LONGEST = 253


def shown(text: str) -> str:
    """The text; cut where it is longer than any sensible name, and with no control characters."""
    seen = "".join(
        sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text[: _LONGEST + 1]
    )
    return seen if len(seen) <= _LONGEST else f"{seen[:_LONGEST]}..."
