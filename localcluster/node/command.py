"""From a container's words to this machine's: `$(VAR)`, mount paths and ports. Pure.

https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/
"""

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$(?:(\$)|\(([^()]*)\))")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Put values in for `$(VAR)`; `$$` is a dollar, an unknown reference stays as it is."""
    return _REFERENCE.sub(
        lambda found: "$" if found[1] else variables.get(found[2], found[0]), text
    )


def rewrite(text: str, mounts: Mapping[str, str], ports: Mapping[int, int]) -> str:
    """Lead a value to where its mount and its port really are.

    A mount's path counts at the start of the text or after a `=`, and only whole; a port only
    where it is all that there is, or all that follows a `=`.
    """
    text = _replace(text, {str(port): str(local) for port, local in ports.items()}, "$")
    return _replace(text, {path.rstrip("/"): local for path, local in mounts.items()}, "(?=/|$)")


def _replace(text: str, table: Mapping[str, str], end: str) -> str:
    if not table:
        return text
    longest_first = "|".join(re.escape(word) for word in sorted(table, key=len, reverse=True))
    return re.sub(rf"(?:^|(?<==))({longest_first}){end}", lambda found: table[found[1]], text)
