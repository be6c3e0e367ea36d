"""The arming: only when every replica can answer, and never back."""

import asyncio
import contextlib
import logging

import pytest

from curfew.admission import probe
from curfew_kube.errors import Invalid, KubeError
from curfew_operator import keeper as keeper_module
from tests.unit.operator_edge.kept_webhook import (
    DEPLOYMENT,
    GUARD,
    MUTATING,
    PROBE,
    VALIDATING,
    KeptWebhook,
)
from tests.unit.operator_edge.memory_api import away, no

DISARMED = {"probe.curfew.dev": "Ignore", GUARD: "Ignore"}
ARMED = {"probe.curfew.dev": "Ignore", GUARD: "Fail"}


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other at once."""
    monkeypatch.setattr(keeper_module, "_EVERY", 0.002)
    monkeypatch.setattr(keeper_module, "_UNARMED_EVERY", 0.002)


def run_for_a_moment(kept: KeptWebhook) -> None:
    async def moment() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await kept.keeper.run()

    asyncio.run(moment())


def test_the_guard_alone_is_armed_once_all_replicas_are_ready_and_one_answered() -> None:
    kept = KeptWebhook()
    kept.deploy()
    kept.reach()
    assert kept.look() is True
    assert kept.policies() == ARMED
    assert kept.api.objects[MUTATING]["webhooks"][0]["failurePolicy"] == "Ignore"


def test_the_probe_is_a_dry_run() -> None:
    kept = KeptWebhook()
    kept.deploy()
    assert kept.look() is False
    assert f"PATCH {PROBE}?dryRun" in kept.api.calls
    assert f"PATCH {PROBE}" not in kept.api.calls
    assert kept.api.objects[PROBE]["data"] == {}


@pytest.mark.parametrize(
    ("ready", "updated", "observed"), [(2, 3, 2), (3, 2, 2), (0, 0, 2), (3, 3, 1)]
)
def test_it_is_not_armed_while_a_replica_is_not_ready_or_not_the_newest(
    ready: int, updated: int, observed: int
) -> None:
    kept = KeptWebhook()
    kept.deploy(ready=ready, updated=updated, observed=observed)
    kept.reach()
    assert kept.look() is False
    assert kept.policies() == DISARMED
    assert f"PATCH {PROBE}?dryRun" not in kept.api.calls


def test_a_deployment_of_no_replicas_is_not_ready() -> None:
    kept = KeptWebhook()
    kept.api.put(DEPLOYMENT, {"metadata": {}, "spec": {"replicas": 0}})
    kept.reach()
    assert kept.look() is False


def test_it_is_not_armed_without_a_deployment() -> None:
    kept = KeptWebhook()
    kept.reach()
    assert kept.look() is False
    assert kept.policies() == DISARMED


def test_it_is_not_armed_where_the_probe_passes_since_nobody_was_asked() -> None:
    kept = KeptWebhook()
    kept.deploy()
    assert kept.look() is False
    assert kept.policies() == DISARMED


@pytest.mark.parametrize("words", ["configmaps is forbidden", "another webhook says no", ""])
def test_it_is_not_armed_where_somebody_else_refuses_the_probe(words: str) -> None:
    kept = KeptWebhook()
    kept.deploy()
    kept.api.failing[f"PATCH {PROBE}"] = no("PATCH probe", 403, "Forbidden", words)
    assert kept.look() is False
    assert kept.policies() == DISARMED


def test_words_of_the_webhook_with_another_code_arm_nothing() -> None:
    kept = KeptWebhook()
    kept.deploy()
    kept.api.failing[f"PATCH {PROBE}"] = no("PATCH probe", 500, "InternalError", probe.ANSWER)
    with pytest.raises(KubeError):
        kept.look()
    assert kept.policies() == DISARMED


def test_an_armed_guard_stays_armed_whatever_becomes_of_its_replicas() -> None:
    kept = KeptWebhook().armed()
    kept.deploy(ready=0, updated=0)
    kept.api.failing.clear()
    assert kept.look() is True
    del kept.api.objects[DEPLOYMENT]
    assert kept.look() is True
    assert kept.policies() == ARMED
    assert kept.changes() == []


def test_a_guard_that_was_set_back_is_armed_again() -> None:
    kept = KeptWebhook().armed()
    kept.configure(VALIDATING, "probe.curfew.dev", GUARD)
    assert kept.look() is True
    assert kept.policies() == ARMED


def test_entries_in_another_order_are_armed_by_their_name() -> None:
    kept = KeptWebhook()
    kept.configure(VALIDATING, GUARD, "probe.curfew.dev")
    kept.deploy()
    kept.reach()
    assert kept.look() is True
    assert kept.policies() == ARMED


def test_a_configuration_that_changes_at_that_moment_is_not_written_over() -> None:
    kept = KeptWebhook()
    kept.look()
    kept.deploy()
    kept.reach()

    def reorder() -> None:
        content = kept.api.objects[VALIDATING]
        kept.api.put(VALIDATING, content | {"webhooks": content["webhooks"][::-1]})

    kept.api.just_before[f"PATCH {VALIDATING}"] = reorder
    with pytest.raises(Invalid):
        kept.look()
    assert kept.policies() == DISARMED
    assert kept.look() is True
    assert kept.policies() == ARMED


@pytest.mark.parametrize("entries", [None, ("probe.curfew.dev",)], ids=["all of it", "the guard"])
def test_a_configuration_that_is_gone_is_told_and_not_made(
    entries: tuple[str, ...] | None, caplog: pytest.LogCaptureFixture
) -> None:
    kept = KeptWebhook().armed()
    del kept.api.objects[VALIDATING]
    if entries:
        kept.configure(VALIDATING, *entries)
    assert kept.look() is False
    assert "the webhook configuration curfew is gone" in caplog.text


@pytest.mark.usefixtures("often")
def test_whether_it_is_armed_is_a_metric() -> None:
    kept = KeptWebhook()
    run_for_a_moment(kept)
    assert kept.metrics.registry.get_sample_value("curfew_webhook_armed") == 0
    kept.deploy()
    kept.reach()
    run_for_a_moment(kept)
    assert kept.metrics.registry.get_sample_value("curfew_webhook_armed") == 1


@pytest.mark.usefixtures("often")
def test_an_outage_is_told_once_and_does_not_end_the_keeper(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "curfew.operator")
    kept = KeptWebhook().armed()
    kept.api.failing[f"GET {VALIDATING}"] = away("GET configuration")
    run_for_a_moment(kept)
    assert kept.api.calls.count(f"GET {VALIDATING}") > 1
    (told,) = caplog.records
    assert told.levelname == "WARNING"
    assert "are not looked after: GET configuration" in told.getMessage()


@pytest.mark.usefixtures("often")
def test_an_outage_does_not_make_the_metric_say_that_an_armed_guard_is_not() -> None:
    kept = KeptWebhook().armed()
    run_for_a_moment(kept)
    assert kept.metrics.registry.get_sample_value("curfew_webhook_armed") == 1
    kept.api.failing[f"GET {VALIDATING}"] = away("GET configuration")
    run_for_a_moment(kept)
    assert kept.policies() == ARMED
    assert kept.metrics.registry.get_sample_value("curfew_webhook_armed") == 1


@pytest.mark.usefixtures("often")
def test_a_defect_does_not_end_the_keeper(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bool:
        raise ZeroDivisionError("a defect of ours")

    monkeypatch.setattr(keeper_module, "is_fresh", broken)
    kept = KeptWebhook()
    run_for_a_moment(kept)
    assert len(kept.api.calls) > 1
    assert "the keeper failed, and is tried again" in caplog.text


@pytest.mark.usefixtures("often")
def test_a_guard_that_stays_gone_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    kept = KeptWebhook()
    del kept.api.objects[VALIDATING]
    run_for_a_moment(kept)
    assert kept.api.calls.count(f"GET {VALIDATING}") > 2
    assert len([entry for entry in caplog.records if entry.levelname == "ERROR"]) == 1
