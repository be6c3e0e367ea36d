"""What a command ends with when it cannot do what it was told."""


class Failed(Exception):
    """The text says what failed and what to do."""
