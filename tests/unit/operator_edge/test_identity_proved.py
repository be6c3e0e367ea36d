"""Whether the policy that holds the requester true was in force when a request came."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from curfew_kube.errors import KubeError
from curfew_operator.cluster import Cluster
from tests.unit.core.samples import NOW, request
from tests.unit.operator_edge.memory_api import MemoryApi, away

_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
POLICY = f"{_ADMISSION}/validatingadmissionpolicies/curfew-identity"
BINDING = f"{_ADMISSION}/validatingadmissionpolicybindings/curfew-identity"
BOTH = pytest.mark.parametrize("path", [POLICY, BINDING], ids=["policy", "binding"])
DAY = timedelta(days=1)
SPECS: dict[str, dict[str, Any]] = {
    POLICY: {"failurePolicy": "Fail", "matchConstraints": {}, "validations": []},
    BINDING: {"policyName": "curfew-identity", "validationActions": ["Deny"]},
}


def said(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


class Installed:
    """The policy and its binding, as the chart wrote them a day before anybody asked."""

    def __init__(self) -> None:
        self.api = MemoryApi()
        for path in (POLICY, BINDING):
            self.write(path)

    def write(self, path: str, *times: datetime, made: datetime = NOW - DAY, **spec: Any) -> None:
        """Write one of them, with the times of the writes that are in its managed fields."""
        fields = [{"manager": "helm", "operation": "Apply", "time": said(at)} for at in times]
        meta = {"creationTimestamp": said(made)} | ({"managedFields": fields} if fields else {})
        self.api.put(path, {"metadata": meta, "spec": SPECS[path] | spec})

    def proves(self, created: datetime | None = NOW) -> bool:
        asked = request()
        meta = msgspec.structs.replace(asked.metadata, creation_timestamp=created)
        came = msgspec.structs.replace(asked, metadata=meta)
        return asyncio.run(Cluster(self.api.client()).identity_proved(came))


def test_a_policy_that_was_there_long_before_proves_who_asked() -> None:
    assert Installed().proves()


@BOTH
def test_where_one_of_the_two_is_absent_nothing_is_proved(path: str) -> None:
    found = Installed()
    del found.api.objects[path]
    assert not found.proves()


def test_a_request_whose_creation_is_not_known_is_not_proved() -> None:
    assert not Installed().proves(created=None)


@pytest.mark.parametrize("failing", ["Ignore", "", "fail"])
def test_a_policy_that_lets_pass_what_it_cannot_judge_proves_nothing(failing: str) -> None:
    found = Installed()
    found.write(POLICY, failurePolicy=failing)
    assert not found.proves()


@pytest.mark.parametrize("actions", [[], ["Warn"], ["Audit"], ["Warn", "Audit"]])
def test_a_binding_that_denies_nothing_proves_nothing(actions: list[str]) -> None:
    found = Installed()
    found.write(BINDING, validationActions=actions)
    assert not found.proves()


def test_a_binding_that_denies_and_does_more_proves_it_all_the_same() -> None:
    found = Installed()
    found.write(BINDING, validationActions=["Audit", "Deny"])
    assert found.proves()


def test_a_binding_of_another_policy_proves_nothing() -> None:
    found = Installed()
    found.write(BINDING, policyName="curfew-identity-2")
    assert not found.proves()


@pytest.mark.parametrize(
    "limits",
    [
        {"namespaceSelector": {"matchLabels": {"a": "b"}}},
        {"objectSelector": {"matchLabels": {"a": "b"}}},
        {"excludeResourceRules": [{"resources": ["accessrequests"]}]},
        {},
    ],
    ids=["namespaces", "objects", "resources", "empty"],
)
def test_a_binding_that_is_limited_to_some_proves_nothing(limits: dict[str, Any]) -> None:
    found = Installed()
    found.write(BINDING, matchResources=limits)
    assert not found.proves()


@BOTH
@pytest.mark.parametrize(
    ("seconds", "proved"), [(-60, False), (0, False), (1, False), (2, False), (3, True), (60, True)]
)
def test_one_that_was_made_a_moment_before_is_not_in_force_yet(
    path: str, seconds: int, *, proved: bool
) -> None:
    found = Installed()
    found.write(path, made=NOW - timedelta(seconds=seconds))
    assert found.proves() is proved


@BOTH
@pytest.mark.parametrize(("seconds", "proved"), [(-60, False), (1, False), (3, True)])
def test_one_that_was_changed_a_moment_before_is_not_in_force_yet(
    path: str, seconds: int, *, proved: bool
) -> None:
    found = Installed()
    found.write(path, NOW - DAY, NOW - timedelta(seconds=seconds), NOW - DAY / 2)
    assert found.proves() is proved


@BOTH
def test_one_that_was_taken_away_and_made_again_proves_only_what_came_later(path: str) -> None:
    found = Installed()
    found.write(path, NOW + DAY, made=NOW + DAY)
    assert not found.proves()
    assert found.proves(created=NOW + DAY + timedelta(seconds=3))


@BOTH
def test_a_write_without_a_time_leaves_the_others_to_count(path: str) -> None:
    found = Installed()
    spec = {"spec": SPECS[path]}
    meta = {"creationTimestamp": said(NOW - DAY), "managedFields": [{"manager": "helm"}]}
    found.api.put(path, spec | {"metadata": meta})
    assert found.proves()
    changed = {"manager": "kubectl", "time": said(NOW)}
    meta["managedFields"] = [{"manager": "helm"}, changed]
    found.api.put(path, spec | {"metadata": meta})
    assert not found.proves()


@BOTH
def test_one_whose_changes_were_wiped_out_counts_from_its_last_write_that_is_known(
    path: str,
) -> None:
    found = Installed()
    found.write(path, made=NOW)
    assert not found.proves()


@BOTH
def test_a_cluster_that_cannot_answer_is_an_error_and_no_verdict(path: str) -> None:
    found = Installed()
    found.api.failing[f"GET {path}"] = away(f"GET {path}")
    with pytest.raises(KubeError):
        found.proves()
