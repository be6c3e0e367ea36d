"""A cluster with Curfew on it, as tests use it: wait for it, ask for access, look at what came."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from curfew.access import lifecycle
from localcluster import LocalCluster, chart

SYSTEM = chart.NAMESPACE
ENDS = {phase.value for phase in lifecycle.ENDS}
Done = chart.Done


def wait_until(so: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Look ten times a second; AssertionError with `what` when it does not come about."""
    until = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < until, f"within {seconds:g} s: {what}"
        time.sleep(0.1)


def wait_until_armed(cluster: LocalCluster) -> None:
    """Wait for the operator to arm the guard."""
    wait_until(lambda: chart.failure_policy(cluster) == "Fail", "the guard is armed")


def apply(cluster: LocalCluster, body: object, kubeconfig: Path | None = None) -> Done:
    """`kubectl apply` of an object, also when it is refused."""
    return cluster.kubectl(
        "apply", "-f", "-", stdin=json.dumps(body), kubeconfig=kubeconfig, check=False
    )


def policy(name: str, *namespaces: str, **duration: str) -> dict[str, Any]:
    """An AccessPolicy that lends `curfew:edit` in namespaces."""
    return {
        "apiVersion": "curfew.dev/v1alpha1",
        "kind": "AccessPolicy",
        "metadata": {"name": name},
        "spec": {
            "access": {"roles": [{"kind": "ClusterRole", "name": "curfew:edit"}]},
            "scope": {"namespaces": list(namespaces)},
            "duration": {"default": "5m", "max": "1h"} | duration,
        },
    }


def request(name: str, under: str, *namespaces: str, **spec: object) -> dict[str, Any]:
    """An AccessRequest for `curfew:edit` in namespaces."""
    return {
        "apiVersion": "curfew.dev/v1alpha1",
        "kind": "AccessRequest",
        "metadata": {"name": name},
        "spec": {
            "policyRef": {"name": under},
            "access": {"roles": [{"kind": "ClusterRole", "name": "curfew:edit"}]},
            "scope": {"namespaces": list(namespaces)},
        }
        | spec,
    }


def lend_to(cluster: LocalCluster, user: str, under: str, *namespaces: str) -> Path:
    """Namespaces, a policy and the RBAC that lets a user ask under it; returns their kubeconfig."""
    for namespace in namespaces:
        cluster.kubectl("create", "namespace", namespace, check=False)
    done = apply(cluster, policy(under, *namespaces))
    assert done.returncode == 0, done.stderr
    create = ("create", "clusterrole", f"ask-{under}", "--verb=request")
    which = ("--resource=accesspolicies.curfew.dev", f"--resource-name={under}")
    cluster.kubectl(*create, *which, check=False)
    for role in (f"ask-{under}", "curfew:requester"):
        bind = ("create", "clusterrolebinding", f"{user}-{role}-{under}".replace(":", "-"))
        cluster.kubectl(*bind, f"--clusterrole={role}", f"--user={user}")
    return cluster.kubeconfig_for(user)


def ask(cluster: LocalCluster, who: Path, body: object) -> Done:
    """Create a request as somebody."""
    return cluster.kubectl("create", "-f", "-", stdin=json.dumps(body), kubeconfig=who, check=False)


def look(cluster: LocalCluster, name: str) -> dict[str, Any]:
    """A request as it is now."""
    found: dict[str, Any] = json.loads(cluster.kubectl("get", "areq", name, "-o", "json").stdout)
    return found


def phase(cluster: LocalCluster, name: str) -> str:
    """Where a request is ("": not looked at yet)."""
    return cluster.kubectl("get", "areq", name, "-o", "jsonpath={.status.phase}").stdout


def wait_for_phase(cluster: LocalCluster, name: str, *phases: str) -> dict[str, Any]:
    """Wait until a request is in one of the phases; returns it."""
    wait_until(
        lambda: phase(cluster, name) in phases, f"{name} is {phases}, not {phase(cluster, name)}"
    )
    return look(cluster, name)


class _Status(msgspec.Struct):
    conditions: list[dict[str, Any]] = []


class _Observed(msgspec.Struct):
    status: _Status = msgspec.field(default_factory=_Status)


def conditions(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The conditions of an object; none where nobody has looked at it yet."""
    return msgspec.convert(found, _Observed).status.conditions


def condition(found: dict[str, Any], kind: str) -> dict[str, Any]:
    """A condition of an object; AssertionError where it has none of that type."""
    by_type = {one["type"]: one for one in conditions(found)}
    assert kind in by_type, found
    return by_type[kind]


def deadline(cluster: LocalCluster, name: str) -> str:
    """When a request's access ends ("": that is not on record yet)."""
    path = "jsonpath={.status.expiresAt}"
    return cluster.kubectl("get", "areq", name, "-o", path).stdout


def lent_bindings(cluster: LocalCluster, namespace: str) -> list[dict[str, Any]]:
    """The bindings in a namespace that carry the label of a request."""
    get = ("get", "rolebindings", "-n", namespace, "-l", "curfew.dev/request-uid", "-o", "json")
    items: list[dict[str, Any]] = json.loads(cluster.kubectl(*get).stdout)["items"]
    return items


def may(cluster: LocalCluster, who: Path, verb: str, resource: str, namespace: str) -> bool:
    """Whether somebody may do a thing now, by the API server's own answer."""
    can = ("auth", "can-i", verb, resource, "-n", namespace)
    return cluster.kubectl(*can, kubeconfig=who, check=False).stdout.strip() == "yes"


def account_kubeconfig(cluster: LocalCluster, account: str) -> Path:
    """A kubeconfig with nothing but the token of one of Curfew's own ServiceAccounts."""
    config = json.loads(cluster.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": cluster.service_account_token(SYSTEM, account)}
    path = cluster.directory / f"{account}.kubeconfig"
    path.write_text(json.dumps(config))
    return path


def as_account(
    cluster: LocalCluster, account: str, *arguments: str, stdin: str | None = None
) -> Done:
    """kubectl as one of Curfew's own ServiceAccounts."""
    path = account_kubeconfig(cluster, account)
    return cluster.kubectl(*arguments, stdin=stdin, kubeconfig=path, check=False)
