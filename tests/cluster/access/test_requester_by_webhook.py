"""Below Kubernetes 1.36 the webhook fills in who asks; the policy holds it true all the same."""

from collections.abc import Iterator

import pytest

from localcluster import LocalCluster, chart, temporary
from tests.installed import ask, lend_to, look, request, wait_for_phase, wait_until_armed


@pytest.fixture(scope="module")
def older() -> Iterator[LocalCluster]:
    with temporary() as cluster:
        chart.install(cluster, "--set=requesterFrom=webhook")
        wait_until_armed(cluster)
        yield cluster


def test_the_webhook_fills_in_who_asks_and_a_forged_one_is_still_refused(
    older: LocalCluster,
) -> None:
    left = older.kubectl("get", "mutatingadmissionpolicies", "-o", "name").stdout
    assert "curfew" not in left
    dana = lend_to(older, "dana", "shop", "shop")
    asked = chart.curfew(older, dana, "request", "curfew:edit", "-n", "shop", "--for", "5m")
    assert asked.returncode == 0, asked.stderr
    assert ask(older, dana, request("one", "shop", "shop")).returncode == 0
    wait_for_phase(older, "one", "Active")
    assert look(older, "one")["spec"]["requester"]["username"] == "dana"
    forged = request("two", "shop", "shop", requester={"username": "bob", "groups": []})
    assert "is not who you are: leave it out" in ask(older, dana, forged).stderr
