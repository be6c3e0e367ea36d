"""A write of a binding, seen as the power that it adds.

Only added power is judged (ratcheting): an update that gives nobody anything new is no grant,
whatever the binding already holds. A binding's roleRef cannot change, so what an update adds is the
subjects that were not there before.
"""

import msgspec

from curfew.admission.showing import shown
from curfew.objects.rbac import Binding, PolicyRule, RoleRef, Subject
from curfew.rbac.subjects import subjects_of
from curfew.rbac.wildcards import Reach


class Resolved(msgspec.Struct, frozen=True):
    """The role as it is now. `version` is its resourceVersion."""

    rules: tuple[PolicyRule, ...]
    version: str


class Missing(msgspec.Struct, frozen=True):
    """There is no role of that name, so the binding gives nothing yet."""


class Unreadable(msgspec.Struct, frozen=True):
    """It is not known what the role holds; `cause` says why."""

    cause: str


Resolution = Resolved | Missing | Unreadable


class Grant(msgspec.Struct, frozen=True):
    """Subjects who gain a role through a binding."""

    namespace: str
    name: str
    role: RoleRef
    gained_by: tuple[Subject, ...]

    @property
    def reach(self) -> Reach:
        """A RoleBinding reaches its namespace, a ClusterRoleBinding everything."""
        return Reach.NAMESPACE if self.namespace else Reach.CLUSTER

    @property
    def binding(self) -> str:
        """As a person says it: `RoleBinding payments/ops`."""
        name = shown(self.name) or "(its name is to be generated)"
        if self.namespace:
            return f"RoleBinding {shown(self.namespace)}/{name}"
        return f"ClusterRoleBinding {name}"


def added(old: Binding | None, new: Binding) -> Grant | None:
    """What the write gives that nobody had before; None where that is nothing."""
    before: frozenset[Subject] = frozenset()
    if old is not None and old.role_ref == new.role_ref:
        before = frozenset(subjects_of(old))
    gained = tuple(subject for subject in subjects_of(new) if subject not in before)
    if not gained:
        return None
    meta = new.metadata
    return Grant(meta.namespace, meta.name, new.role_ref, gained)
