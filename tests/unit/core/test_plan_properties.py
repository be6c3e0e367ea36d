"""The plan under every interleaving: two operators, killed anywhere, a clock, and other people."""

import os
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from curfew.access.api import LentRole
from curfew.access.lifecycle import ENDS, Phase
from tests.unit.core.cluster_model import ModelCluster, ModelOperator
from tests.unit.core.samples import DEPLOYER, EDIT, HOUR, request

WHICH = st.integers(0, 1)
TIMES = st.one_of(
    st.sampled_from([timedelta(seconds=1), HOUR]),
    st.timedeltas(timedelta(microseconds=1), 2 * HOUR),
)


class Lives(RuleBasedStateMachine):
    """Whatever happens in whatever order, what the model asserts at each call must hold."""

    @initialize(
        duration=st.sampled_from(["1s", ""]),
        namespaces=st.sampled_from([("payments",), ("payments", "shop")]),
        roles=st.sampled_from([(EDIT,), (EDIT, DEPLOYER)]),
        calls=st.integers(0, 14),
    )
    def ask(
        self,
        duration: str,
        namespaces: tuple[str, ...],
        roles: tuple[LentRole, ...],
        calls: int,
    ) -> None:
        """A request, and an operator that did so many calls for it before anything happened."""
        asked = request(duration=duration, namespaces=namespaces, roles=roles)
        self.cluster = ModelCluster(asked)
        self.operators = [ModelOperator(self.cluster), ModelOperator(self.cluster)]
        for _ in range(calls):
            self.go_on(0)

    @rule(which=WHICH)
    def go_on(self, which: int) -> None:
        if self.operators[which].busy:
            self.operators[which].call()
        else:
            self.operators[which].look()

    @rule(which=WHICH)
    def kill(self, which: int) -> None:
        self.operators[which].kill()

    @rule(time=TIMES)
    def wait(self, time: timedelta) -> None:
        self.cluster.wait(time)

    @precondition(lambda self: self.cluster.request.status.phase not in ENDS)
    @rule(deleted=st.booleans())
    def give_back(self, *, deleted: bool) -> None:
        if deleted:
            self.cluster.delete_request()
        else:
            self.cluster.cancel()

    @precondition(lambda self: self.cluster.request.status.phase is Phase.GRANTING)
    @rule()
    def refuse_or_not(self) -> None:
        self.cluster.refusing = not self.cluster.refusing

    @precondition(lambda self: self.cluster.request.status.phase is not Phase.PENDING)
    @rule()
    def take_the_policy_away(self) -> None:
        self.cluster.take_the_policy_away()

    @precondition(lambda self: self.cluster.bindings)
    @rule(data=st.data())
    def take_a_binding_away(self, data: st.DataObject) -> None:
        found = list(self.cluster.bindings.values())
        self.cluster.delete_by_others(data.draw(st.sampled_from(found)))

    @rule()
    def sweep(self) -> None:
        for binding in list(self.cluster.bindings.values()):
            if binding.is_due(self.cluster.now):
                self.cluster.delete(binding)

    @rule(which=WHICH)
    def one_whole_round(self, which: int) -> None:
        was_past = self.cluster.past_the_deadline()
        self.operators[which].kill()
        self.operators[which].round()
        assert not (was_past and self.cluster.bindings), "a binding outlives its deadline"

    @rule(which=WHICH)
    def settle(self, which: int) -> None:
        must_end = self.cluster.must_not_be_lent()
        wake_at = self.operators[which].settle()
        status = self.cluster.request.status
        assert not (must_end and status.phase is Phase.ACTIVE), "it is lent against what is known"
        assert status.phase in {Phase.ACTIVE, *ENDS}
        if status.phase is Phase.ACTIVE:
            assert not self.cluster.past_the_deadline()
            assert {(b.namespace, b.name, b.uid) for b in status.bindings} == {
                (b.metadata.namespace, b.metadata.name, b.metadata.uid)
                for b in self.cluster.bindings.values()
            }
            assert wake_at == status.expires_at
        else:
            assert not self.cluster.bindings
            assert wake_at is None

    @invariant()
    def every_binding_has_its_deadline_on_record(self) -> None:
        for binding in self.cluster.bindings.values():
            assert binding.expires_at == self.cluster.request.status.expires_at

    @invariant()
    def an_end_after_granting_is_proved(self) -> None:
        status = self.cluster.request.status
        if status.phase in ENDS and status.expires_at is not None:
            assert status.verification is not None


LONG = bool(os.environ.get("CURFEW_LONG"))
Lives.TestCase.settings = settings(
    max_examples=4000 if LONG else 250, stateful_step_count=50, deadline=None
)
TestWhateverHappensInWhateverOrder = Lives.TestCase


def granted(kill_after: int) -> ModelCluster:
    """A request brought to Active, by an operator that was killed after so many calls."""
    asked = request(namespaces=("payments", "shop"), roles=(EDIT, DEPLOYER))
    cluster = ModelCluster(asked)
    run(cluster, kill_after)
    assert cluster.request.status.phase is Phase.ACTIVE
    return cluster


def run(cluster: ModelCluster, kill_after: int) -> None:
    """Rounds until nothing is left to do, the operator being killed once, after so many calls."""
    first = ModelOperator(cluster)
    while first.calls < kill_after:
        first.look()
        while first.busy and first.calls < kill_after:
            first.call()
    ModelOperator(cluster).settle()


@pytest.mark.parametrize("kill_after", range(12))
def test_a_grant_is_whole_wherever_the_operator_was_killed(kill_after: int) -> None:
    cluster = granted(kill_after)
    assert len(cluster.bindings) == 4
    phases = [passage.phase for passage in cluster.request.status.history]
    assert phases == [Phase.GRANTING, Phase.ACTIVE]


@pytest.mark.parametrize("kill_after", range(12))
def test_access_is_gone_and_proved_wherever_the_operator_was_killed(kill_after: int) -> None:
    cluster = granted(0)
    deadline = cluster.request.status.expires_at
    cluster.wait(HOUR)
    run(cluster, kill_after)
    status = cluster.request.status
    assert not cluster.bindings
    assert (status.phase, status.expires_at) == (Phase.EXPIRED, deadline)
    assert status.verification is not None


def test_the_first_round_at_the_deadline_takes_everything_away() -> None:
    cluster = granted(0)
    cluster.wait(HOUR)
    ModelOperator(cluster).round()
    assert not cluster.bindings


@pytest.mark.parametrize("kill_after", range(5))
def test_a_grant_that_was_half_made_at_its_deadline_is_never_completed(kill_after: int) -> None:
    asked = request(namespaces=("payments", "shop"), roles=(EDIT, DEPLOYER), duration="1s")
    cluster = ModelCluster(asked)
    first = ModelOperator(cluster)
    first.round()
    first.look()
    for _ in range(kill_after):
        first.call()
    cluster.wait(timedelta(seconds=1))
    ModelOperator(cluster).settle()
    assert not cluster.bindings
    assert cluster.request.status.phase is Phase.EXPIRED


def cancelled_before_its_create() -> tuple[ModelCluster, ModelOperator]:
    """A request that is given back while an operator is about to create its binding."""
    cluster = ModelCluster(request())
    slow = ModelOperator(cluster)
    slow.round()
    slow.look()
    cluster.cancel()
    return cluster, slow


def test_a_create_that_lands_while_access_is_taken_back_is_taken_back_too() -> None:
    cluster, slow = cancelled_before_its_create()
    assert ModelOperator(cluster).round().status.phase is Phase.REVOKING
    slow.call()
    assert cluster.bindings
    ModelOperator(cluster).settle()
    assert not cluster.bindings
    assert cluster.request.status.phase is Phase.CANCELLED


def test_a_create_that_lands_after_the_end_is_taken_back_by_the_next_round() -> None:
    cluster, slow = cancelled_before_its_create()
    ModelOperator(cluster).settle()
    assert cluster.request.status.phase is Phase.CANCELLED
    slow.call()
    assert cluster.bindings
    ModelOperator(cluster).settle()
    assert not cluster.bindings
