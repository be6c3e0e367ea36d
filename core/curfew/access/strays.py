"""Bindings that look lent and are not: what no request stands behind is taken back.

A label is easily copied. So a binding counts as lent only where a request that is granted says the
same: its place, its name, and a deadline that is not later than the one on record.
"""

from curfew.access.api import AccessRequest
from curfew.access.binding import LentBinding, bindings_for
from curfew.access.lifecycle import Phase

_LENDING = (Phase.GRANTING, Phase.ACTIVE)


def is_stray(binding: LentBinding, request: AccessRequest | None) -> bool:
    """Whether the request that the binding names (None: there is none) does not stand behind it."""
    if request is None or request.status.phase not in _LENDING:
        return True
    deadline, carried = request.status.expires_at, binding.expires_at
    if deadline is None or carried is None or carried > deadline:
        return True
    place = (binding.metadata.namespace, binding.metadata.name)
    wanted = bindings_for(request, deadline)
    return place not in {(one.metadata.namespace, one.metadata.name) for one in wanted}
