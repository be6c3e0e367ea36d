"""The sweep: what is due goes, what is not stays, and one that fails stops nothing."""

import asyncio
import contextlib
import logging
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curfew.access.api import AccessRequest, Layer
from curfew.access.binding import EXPIRES_AT, LentBinding, bindings_for
from curfew.access.lifecycle import ENDS, Phase
from curfew_kube.errors import KubeError
from curfew_operator import sweep as sweep_module
from curfew_operator.metrics import Metrics
from curfew_operator.sweep import Sweep
from tests.unit.core.samples import DEADLINE, NOW, annotated, moved, request
from tests.unit.operator_edge.fake_cluster import FakeCluster
from tests.unit.operator_edge.memory_api import away, no


class Swept:
    """A sweep of a cluster in memory; what it asked for is noted."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.metrics = Metrics()
        self.ended: list[tuple[str, Layer]] = []
        self.nudged: list[tuple[str, Layer]] = []
        self.namespaces: list[str] = []
        self.stubborn: dict[str, Exception] = {}
        self.sweep = Sweep(
            self.cluster,
            self.cluster.clock,
            self.metrics,
            end=self.end,
            nudge=self.nudge,
            monotonic=lambda: self.cluster.seconds,
        )

    async def end(self, binding: LentBinding, layer: Layer) -> None:
        if error := self.stubborn.get(binding.metadata.namespace):
            raise error
        self.ended.append((binding.metadata.namespace, layer))
        await self.cluster.delete(binding)

    async def nudge(self, name: str, layer: Layer) -> None:
        await asyncio.sleep(0)
        self.nudged.append((name, layer))

    def lend(self, namespace: str, **annotations: str) -> None:
        """A binding of ours in a namespace, with just these annotations."""
        (found,) = bindings_for(request(namespaces=(namespace,)), NOW)
        self.cluster.make(annotated(found, annotations))
        self.ask(namespace)

    def lend_until(self, namespace: str, deadline: datetime) -> None:
        self.cluster.make(*bindings_for(request(namespaces=(namespace,)), deadline))
        self.ask(namespace)

    def ask(self, namespace: str) -> None:
        """The request that all of them belong to is there, and lasts longer than any of them."""
        self.namespaces.append(namespace)
        found = moved(request(namespaces=tuple(self.namespaces)), Phase.ACTIVE)
        until = msgspec.structs.replace(found.status, expires_at=NOW + timedelta(hours=2))
        lasting = msgspec.structs.replace(found, status=until)
        self.cluster.stored = FakeCluster(lasting).stored

    def move(self, phase: Phase) -> None:
        """The request is elsewhere in its life, with the usual deadline on record."""
        self.cluster.change(moved(self.cluster.stored["dana-1"], phase))

    def number(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(name)

    def run(self, turns: float = 0.03) -> None:
        """Let it run for a moment."""

        async def moment() -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(turns):
                    await self.sweep.run()

        asyncio.run(moment())


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeps follow each other at once."""
    monkeypatch.setattr(sweep_module, "EVERY", 0.002)
    monkeypatch.setattr(sweep_module, "_AWAY_EVERY", 0.002)


@given(st.lists(st.integers(-100, 100), max_size=8))
def test_what_is_due_is_ended_and_what_is_not_is_left_alone(seconds: list[int]) -> None:
    swept = Swept()
    for number, left in enumerate(seconds):
        swept.lend_until(f"ns-{number}", NOW + timedelta(seconds=left))
    asyncio.run(swept.sweep.once())
    due = [f"ns-{number}" for number, left in enumerate(seconds) if left <= 0]
    assert swept.ended == [(name, Layer.SWEEP) for name in due]
    assert swept.number("curfew_bindings_swept_total") == len(due)
    assert swept.sweep.age == 0


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-03-01", "2099-01-01T00:00:00"])
def test_a_binding_of_ours_whose_deadline_cannot_be_read_is_ended(text: str) -> None:
    swept = Swept()
    swept.lend("payments", **{EXPIRES_AT: text})
    swept.lend("shop")
    asyncio.run(swept.sweep.once())
    assert [name for name, _ in swept.ended] == ["payments", "shop"]


def test_a_binding_that_is_not_ours_is_left_alone() -> None:
    swept = Swept()
    (found,) = bindings_for(request(), NOW)
    meta = msgspec.structs.replace(found.metadata, labels={})
    swept.cluster.make(msgspec.structs.replace(found, metadata=meta))
    asyncio.run(swept.sweep.once())
    assert swept.ended == []


def test_a_delete_that_fails_stops_neither_the_next_nor_the_nudges_and_is_told() -> None:
    swept = Swept()
    for name in ("a", "b", "c"):
        swept.lend_until(name, NOW)
    swept.stubborn = {"a": away("DELETE a")}
    with pytest.raises(KubeError, match="DELETE a"):
        asyncio.run(swept.sweep.once())
    assert [name for name, _ in swept.ended] == ["b", "c"]
    assert swept.nudged == [("dana-1", Layer.SWEEP)]
    assert swept.number("curfew_bindings_swept_total") == 2
    assert swept.sweep.age is None, "a sweep that failed in part is no whole sweep"


def test_a_delete_that_crashes_stops_not_the_next_one_either() -> None:
    swept = Swept()
    for name in ("a", "b"):
        swept.lend_until(name, NOW)
    swept.stubborn = {"a": ZeroDivisionError("a defect of ours")}
    with contextlib.suppress(ZeroDivisionError):
        asyncio.run(swept.sweep.once())
    assert [name for name, _ in swept.ended] == ["b"]


def test_open_requests_are_brought_to_mind_and_ended_requests_are_not() -> None:
    swept = Swept()
    for number, phase in enumerate(Phase):
        meta = msgspec.structs.replace(request().metadata, name=phase.value, uid=str(number))
        one = msgspec.structs.replace(moved(request(), phase), metadata=meta)
        swept.cluster.stored[phase.value] = one
    asyncio.run(swept.sweep.once())
    assert [name for name, _ in swept.nudged] == ["Pending", "Granting", "Active", "Revoking"]
    assert {layer for _, layer in swept.nudged} == {Layer.SWEEP}


def test_a_binding_that_outlived_its_request_is_ended_before_its_deadline() -> None:
    swept = Swept()
    swept.lend_until("payments", NOW + timedelta(hours=1))
    swept.cluster.stored.clear()
    asyncio.run(swept.sweep.once())
    assert swept.ended == [("payments", Layer.SWEEP)]
    assert swept.cluster.bindings == {}


def test_a_binding_that_is_due_and_outlived_its_request_is_ended_and_counted_once() -> None:
    swept = Swept()
    swept.lend_until("payments", NOW)
    swept.cluster.stored.clear()
    asyncio.run(swept.sweep.once())
    assert swept.ended == [("payments", Layer.SWEEP)]
    assert swept.number("curfew_bindings_swept_total") == 1


@pytest.mark.parametrize("phase", [Phase.PENDING, Phase.REVOKING, *ENDS])
def test_a_binding_of_a_request_that_lends_nothing_now_is_ended(phase: Phase) -> None:
    swept = Swept()
    swept.lend_until("payments", DEADLINE)
    swept.move(phase)
    asyncio.run(swept.sweep.once())
    assert swept.ended == [("payments", Layer.SWEEP)]
    assert swept.cluster.bindings == {}
    assert swept.nudged == ([] if phase in ENDS else [("dana-1", Layer.SWEEP)])


def test_a_binding_that_says_a_later_deadline_than_its_request_is_ended_now() -> None:
    swept = Swept()
    swept.lend_until("payments", DEADLINE + timedelta(seconds=1))
    swept.move(Phase.ACTIVE)
    asyncio.run(swept.sweep.once())
    assert swept.ended == [("payments", Layer.SWEEP)]
    assert swept.number("curfew_bindings_swept_total") == 1


def test_a_label_that_was_copied_to_a_binding_of_another_name_lends_nothing() -> None:
    swept = Swept()
    swept.lend_until("payments", DEADLINE)
    (ours,) = swept.cluster.bindings.values()
    meta = msgspec.structs.replace(ours.metadata, name="ops")
    swept.cluster.make(msgspec.structs.replace(ours, metadata=meta))
    asyncio.run(swept.sweep.once())
    assert list(swept.cluster.bindings) == [("payments", "curfew-7f3a-0")]


def test_a_request_that_was_granted_while_the_bindings_were_listed_loses_nothing() -> None:
    swept = Swept()
    swept.lend_until("payments", DEADLINE)
    swept.move(Phase.PENDING)
    requests = swept.cluster.requests

    async def granted_by_now() -> tuple[AccessRequest, ...]:
        swept.move(Phase.GRANTING)
        return await requests()

    swept.cluster.requests = granted_by_now  # type: ignore[method-assign] # one moment of luck
    asyncio.run(swept.sweep.once())
    assert swept.ended == []


def test_a_stray_that_cannot_be_deleted_stops_neither_the_next_nor_the_nudges() -> None:
    swept = Swept()
    for name in ("a", "b"):
        swept.lend_until(name, DEADLINE)
    swept.move(Phase.REVOKING)
    swept.stubborn = {"a": away("DELETE a")}
    with pytest.raises(KubeError, match="DELETE a"):
        asyncio.run(swept.sweep.once())
    assert [name for name, _ in swept.ended] == ["b"]
    assert swept.nudged == [("dana-1", Layer.SWEEP)]


def test_what_is_due_goes_before_anything_else_is_asked() -> None:
    swept = Swept()
    swept.lend_until("payments", NOW)
    swept.cluster.failing["requests"] = away("GET requests")
    with pytest.raises(KubeError):
        asyncio.run(swept.sweep.once())
    assert swept.cluster.calls[:2] == ["lent_bindings", "delete payments/curfew-7f3a-0"]


@pytest.mark.usefixtures("often")
def test_a_cluster_that_is_away_is_told_of_once_and_so_is_its_return(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "curfew.operator")
    swept = Swept()
    swept.cluster.failing["lent_bindings"] = away("GET rolebindings")
    swept.run()
    assert swept.sweep.away is True
    assert swept.number("curfew_cluster_outages_total") == 1
    assert swept.number("curfew_cluster_away") == 1
    assert swept.cluster.calls.count("lent_bindings") > 1
    swept.cluster.failing.clear()
    swept.run()
    assert swept.sweep.away is False
    assert swept.number("curfew_cluster_away") == 0
    assert [entry.levelname for entry in caplog.records] == ["WARNING", "INFO"]


@pytest.mark.usefixtures("often")
def test_a_defect_does_not_end_the_sweep(caplog: pytest.LogCaptureFixture) -> None:
    swept = Swept()
    swept.cluster.failing["requests"] = ZeroDivisionError("a defect of ours")
    swept.run()
    assert swept.cluster.calls.count("requests") > 1
    assert "a sweep failed, and is tried again" in caplog.text


@pytest.mark.usefixtures("often")
def test_how_long_ago_the_last_whole_sweep_was_is_known() -> None:
    swept = Swept()
    assert swept.sweep.age is None
    swept.run()
    swept.cluster.seconds += 7
    assert swept.sweep.age == 7
    assert swept.sweep.since_tried == 7


@pytest.mark.usefixtures("often")
def test_a_delete_that_is_refused_is_no_outage_and_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    swept = Swept()
    swept.lend_until("a", NOW)
    swept.stubborn = {"a": no("DELETE a", 403, "Forbidden", "a policy says no")}
    swept.run()
    assert swept.cluster.calls.count("lent_bindings") > 1
    assert swept.number("curfew_cluster_outages_total") == 0
    assert swept.sweep.away is False
    (told,) = caplog.records
    assert "a policy says no" in told.getMessage()
