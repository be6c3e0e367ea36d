"""What this installation may lend at all: the chart value `lendable`.

The same value gives the operator its `bind` rule and writes the admission policy that fences its
ServiceAccount in, so an entry that is not here cannot be lent, whatever an AccessPolicy says.
"""

from collections.abc import Mapping

import msgspec

from curfew.access.api import LentRole
from curfew.objects.rbac import RoleKind

SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})
EVERYWHERE = "*"


class Lendable(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A role, and the namespaces in which it may be lent: by name (`*`: all), or by their labels.

    Never the system's namespaces, nor Curfew's own, whatever it says.
    """

    kind: RoleKind
    name: str
    namespaces: tuple[str, ...] = ()
    match_labels: dict[str, str] = {}


class Fence(msgspec.Struct, frozen=True):
    """All that may be lent; `home` is Curfew's own namespace."""

    entries: tuple[Lendable, ...]
    home: str

    def holds(self, role: LentRole, namespace: str, labels: Mapping[str, str]) -> bool:
        """Whether the role may be lent in the namespace, which carries these labels."""
        if namespace == self.home or namespace in SYSTEM_NAMESPACES:
            return False
        return any(
            _covers(entry, namespace, labels)
            for entry in self.entries
            if entry.kind is role.kind and entry.name == role.name
        )


def _covers(entry: Lendable, namespace: str, labels: Mapping[str, str]) -> bool:
    if namespace in entry.namespaces or EVERYWHERE in entry.namespaces:
        return True
    wanted = entry.match_labels
    return bool(wanted) and all(labels.get(key) == value for key, value in wanted.items())
