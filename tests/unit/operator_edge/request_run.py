"""One request, an operator that looks at it, and their cluster in memory."""

import asyncio
from datetime import datetime

from curfew.access.api import AccessRequest, Layer
from curfew.access.lifecycle import Phase
from curfew_operator.reconcile import Reconciler
from tests.unit.core.samples import FENCE, request
from tests.unit.operator_edge.fake_cluster import FakeCluster


class Run:
    """An operator, its cluster, and the request `dana-1`."""

    def __init__(self, asked: AccessRequest | None = None) -> None:
        self.cluster = FakeCluster(asked or request())
        self.restart()

    def restart(self) -> None:
        """Another process takes over, which knows nothing."""
        cluster = self.cluster
        self.reconciler = Reconciler(cluster, cluster.clock, FENCE, lambda: cluster.seconds)

    def look(self, layer: Layer = Layer.REQUEST) -> datetime | None:
        return asyncio.run(self.reconciler.reconcile("dana-1", layer))

    @property
    def request(self) -> AccessRequest:
        return self.cluster.stored["dana-1"]

    @property
    def phase(self) -> Phase:
        return self.request.status.phase

    @property
    def history(self) -> list[Phase]:
        return [passage.phase for passage in self.request.status.history]

    def granted(self) -> "Run":
        """The request, granted; what was done for it is forgotten."""
        self.look()
        assert self.phase is Phase.ACTIVE
        self.cluster.calls.clear()
        return self
