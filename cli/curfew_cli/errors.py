"""What a command ends with when it cannot do what it was told."""

from typing import ClassVar


class Failed(Exception):
    """The text says what failed and what to do; `code` is the exit code."""

    code: ClassVar[int] = 1


class Misused(Failed):
    """The command line means nothing, whatever the cluster says; the text says what to write."""

    code: ClassVar[int] = 2
