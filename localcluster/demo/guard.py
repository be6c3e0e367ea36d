"""Act one: a role with a harmless name is refused for what it holds; ordinary work goes on."""

import json

from localcluster.cluster import LocalCluster
from localcluster.demo.telling import Teller


def play(cluster: LocalCluster, tell: Teller) -> None:
    """Refuse the alias, admit the ordinary."""
    tell.title("The guard: what a binding gives is read from its role, never from the name")
    tell.step("a ClusterRole called ops-viewer is written; it holds every verb on everything")
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(_ALIAS))
    tell.step(
        "$ kubectl create rolebinding ops -n payments --clusterrole=ops-viewer --user=mallory"
    )
    bind = ("create", "rolebinding", "ops", "-n", "payments", "--clusterrole=ops-viewer")
    refused = cluster.kubectl(*bind, "--user=mallory", check=False)
    tell.quote(refused.stderr)
    said = refused.stderr
    path = ("User mallory", "RoleBinding payments/ops", "ClusterRole ops-viewer", "rules[0]")
    named = refused.returncode != 0 and all(step in said for step in path)
    tell.must("it is refused, with the path from the subject to the rule", so=named, found=said)
    there = cluster.kubectl("get", "rolebinding", "ops", "-n", "payments", check=False)
    tell.must("there is no such binding", so="NotFound" in there.stderr, found=there.stdout)
    tell.step("the same by hand of the cluster's own administrator, for system:masters")
    masters = ("create", "clusterrolebinding", "break-glass", "--clusterrole=view")
    refused = cluster.kubectl(*masters, "--group=system:masters", check=False)
    told = refused.returncode != 0 and "reserved-subject" in refused.stderr
    tell.must("it is refused as well: nobody is exempt", so=told, found=refused.stderr)
    tell.step("$ kubectl create rolebinding devs-view -n payments --clusterrole=view --group=devs")
    ordinary = ("create", "rolebinding", "devs-view", "-n", "payments", "--clusterrole=view")
    admitted = cluster.kubectl(*ordinary, "--group=devs", check=False)
    tell.must("an ordinary binding is admitted", so=admitted.returncode == 0, found=admitted.stderr)


_ALIAS = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "ops-viewer"},
    "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
}
