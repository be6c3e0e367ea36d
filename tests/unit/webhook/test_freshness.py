"""Which kinds are up to date, and how often somebody is told."""

import logging

import pytest

from curfew_kube.watching import Outage, Synced
from curfew_webhook.freshness import Freshness
from curfew_webhook.metrics import Metrics
from tests.unit.operator_edge.memory_api import away

KINDS = ("roles", "rolebindings", "clusterroles")
OUTAGE = Outage(away("GET /roles"), 1)


class Watched:
    """Three kinds, of which none is up to date at first."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.freshness = Freshness(KINDS, self.metrics)

    def sync(self, *kinds: str) -> None:
        for kind in kinds or KINDS:
            self.freshness.caught_up(kind, Synced(3))

    def lose(self, *kinds: str) -> None:
        for kind in kinds or KINDS:
            self.freshness.lost(kind, OUTAGE)

    def synced(self) -> list[float | None]:
        return [
            self.metrics.registry.get_sample_value("curfew_cache_synced", {"resource": kind})
            for kind in KINDS
        ]

    def outages(self) -> float | None:
        return self.metrics.registry.get_sample_value("curfew_cluster_outages_total")


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "curfew.webhook")
    return caplog


def test_at_first_nothing_is_up_to_date_and_that_is_no_outage(
    told: pytest.LogCaptureFixture,
) -> None:
    watched = Watched()
    assert watched.freshness.behind == list(KINDS)
    assert not any(watched.freshness.holds(kind) for kind in KINDS)
    assert watched.synced() == [0, 0, 0]
    watched.sync()
    assert watched.freshness.behind == []
    assert watched.synced() == [1, 1, 1]
    assert watched.outages() == 0
    assert told.records == []


def test_each_kind_is_believed_by_itself() -> None:
    watched = Watched()
    watched.sync("rolebindings")
    assert [watched.freshness.holds(kind) for kind in KINDS] == [False, True, False]
    assert watched.freshness.behind == ["roles", "clusterroles"]
    watched.lose("rolebindings")
    assert not watched.freshness.holds("rolebindings")


def test_how_many_objects_are_known_is_a_metric() -> None:
    watched = Watched()
    watched.sync("roles")
    value = watched.metrics.registry.get_sample_value
    assert value("curfew_cache_objects", {"resource": "roles"}) == 3


def test_an_outage_of_all_watches_is_told_once_and_its_end_when_all_are_back(
    told: pytest.LogCaptureFixture,
) -> None:
    watched = Watched()
    watched.sync()
    for _ in range(5):
        watched.lose()
    (entry,) = told.records
    assert entry.levelname == "WARNING"
    assert "the cluster cannot be watched, and is read live" in entry.getMessage()
    assert "connection refused" in entry.getMessage()
    assert watched.synced() == [0, 0, 0]
    assert watched.outages() == 1
    watched.sync("roles", "rolebindings")
    assert len(told.records) == 1
    watched.sync("clusterroles")
    assert [entry.getMessage() for entry in told.records[1:]] == ["the cluster is watched again"]


def test_a_watch_that_breaks_again_before_all_are_back_is_the_same_outage(
    told: pytest.LogCaptureFixture,
) -> None:
    watched = Watched()
    watched.sync()
    watched.lose("roles", "clusterroles")
    watched.sync("roles")
    watched.lose("roles")
    watched.sync("clusterroles", "roles")
    assert [entry.levelname for entry in told.records] == ["WARNING", "INFO"]
    assert watched.outages() == 1


def test_another_outage_is_told_again(told: pytest.LogCaptureFixture) -> None:
    watched = Watched()
    for _ in range(2):
        watched.sync()
        watched.lose("roles")
    watched.sync()
    levels = [entry.levelname for entry in told.records]
    assert levels == ["WARNING", "INFO", "WARNING", "INFO"]
    assert watched.outages() == 2


def test_a_cluster_that_is_away_at_the_start_is_told_of_too(
    told: pytest.LogCaptureFixture,
) -> None:
    watched = Watched()
    watched.lose()
    watched.sync()
    assert [entry.levelname for entry in told.records] == ["WARNING", "INFO"]
