"""A binding that was deleted and is still there grants, and somebody has to know: once."""

import asyncio
import logging

import pytest

from curfew.access.api import Layer
from curfew.access.binding import LentBinding, bindings_for
from curfew.access.lifecycle import Phase
from curfew_kube.errors import KubeError
from curfew_operator.metrics import Metrics
from curfew_operator.sweep import Sweep
from tests.unit.core.samples import DEADLINE, NOW, moved, request
from tests.unit.operator_edge.fake_cluster import FakeCluster
from tests.unit.operator_edge.memory_api import away


class Staying:
    """Bindings in `payments` and `shop` that are past their deadline, and their sweep."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.ERROR, "curfew.operator")
        self.caplog = caplog
        self.cluster = FakeCluster()
        self.metrics = Metrics()
        self.cluster.make(*bindings_for(request(namespaces=("payments", "shop")), NOW))
        self.sweep = Sweep(
            self.cluster, self.cluster.clock, self.metrics, end=self.end, nudge=self.nudge
        )

    async def end(self, binding: LentBinding, _: Layer) -> None:
        await self.cluster.delete(binding)

    async def nudge(self, _: str, __: Layer) -> None:
        await asyncio.sleep(0)

    def sweeps(self, number: int = 1) -> None:
        for _ in range(number):
            asyncio.run(self.sweep.once())

    def told(self) -> list[str]:
        return [entry.getMessage() for entry in self.caplog.records]

    def staying(self) -> float | None:
        return self.metrics.registry.get_sample_value("curfew_bindings_staying")


@pytest.fixture
def found(caplog: pytest.LogCaptureFixture) -> Staying:
    return Staying(caplog)


def test_what_goes_when_it_is_deleted_is_not_told_of(found: Staying) -> None:
    found.sweeps(3)
    assert found.told() == []
    assert found.staying() == 0


def test_what_a_finalizer_keeps_is_told_once_however_often_it_is_swept(found: Staying) -> None:
    found.cluster.held = {"payments"}
    found.sweeps(1)
    assert (found.told(), found.staying()) == ([], 0)
    found.sweeps(1)
    (words,) = found.told()
    assert words.startswith("RoleBinding payments/curfew-7f3a-0 was deleted and is still there")
    assert "still grants" in words
    assert "kubectl edit" in words
    assert found.staying() == 1
    found.sweeps(5)
    assert len(found.told()) == 1
    assert found.staying() == 1


def test_each_binding_that_stays_is_told_of_by_itself(found: Staying) -> None:
    found.cluster.held = {"payments", "shop"}
    found.sweeps(4)
    assert [words.split()[1] for words in found.told()] == [
        "payments/curfew-7f3a-0",
        "shop/curfew-7f3a-0",
    ]
    assert found.staying() == 2


def test_when_it_is_gone_at_last_the_number_says_so(found: Staying) -> None:
    found.cluster.held = {"payments"}
    found.sweeps(3)
    found.cluster.held.clear()
    found.sweeps(2)
    assert found.staying() == 0
    assert len(found.told()) == 1


def test_a_stray_that_stays_is_told_of_as_well(found: Staying) -> None:
    found.cluster.bindings.clear()
    found.cluster.make(*bindings_for(request(), DEADLINE))
    found.cluster.held = {"payments"}
    found.sweeps(3)
    assert len(found.told()) == 1
    assert found.staying() == 1


def test_what_is_lent_and_not_due_never_counts_as_staying(found: Staying) -> None:
    found.cluster.bindings.clear()
    asked = request()
    found.cluster.make(*bindings_for(asked, DEADLINE))
    found.cluster.stored = FakeCluster(moved(asked, Phase.ACTIVE)).stored
    found.sweeps(3)
    assert found.told() == []
    assert found.staying() == 0


def test_what_could_not_be_deleted_is_not_said_to_have_been(found: Staying) -> None:
    found.cluster.failing["delete"] = away("DELETE binding")
    for _ in range(3):
        with pytest.raises(KubeError):
            found.sweeps()
    assert found.told() == []
    assert found.staying() == 0
