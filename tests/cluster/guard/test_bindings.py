"""The guard as people meet it: kubectl against a real API server, with Curfew from its chart."""

import json
from typing import Any

import pytest

from localcluster import LocalCluster, chart, temporary
from tests.installed import apply, wait_until_armed

_EVERYTHING = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}


@pytest.fixture(scope="module")
def shop(guarded: LocalCluster) -> LocalCluster:
    guarded.kubectl("create", "namespace", "shop")
    assert _role(guarded, "ops-viewer", _EVERYTHING).returncode == 0
    return guarded


def _role(cluster: LocalCluster, name: str, *rules: dict[str, list[str]]) -> Any:
    body = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
    return apply(cluster, body | {"metadata": {"name": name}, "rules": list(rules)})


def _binding(name: str, role: str, *users: str, kind: str = "RoleBinding") -> dict[str, Any]:
    group = "rbac.authorization.k8s.io"
    place = {"namespace": "shop"} if kind == "RoleBinding" else {}
    return {
        "apiVersion": f"{group}/v1",
        "kind": kind,
        "metadata": {"name": name} | place,
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "User", "name": user, "apiGroup": group} for user in users],
    }


def test_an_alias_for_everything_is_refused_with_the_path_and_the_way_out(
    shop: LocalCluster,
) -> None:
    refused = apply(shop, _binding("ops", "ops-viewer", "mallory"))
    assert refused.returncode != 0
    for words in (
        "wildcard-grant: RoleBinding shop/ops would give User mallory ClusterRole ops-viewer",
        "  User mallory\n    -> RoleBinding shop/ops\n    -> ClusterRole ops-viewer\n    -> rules",
        "kubectl curfew request curfew:edit -n shop --for 1h",
        "kubectl curfew explain wildcard-grant",
    ):
        assert words in refused.stderr
    there = shop.kubectl("get", "rolebinding", "ops", "-n", "shop", check=False)
    assert "NotFound" in there.stderr


@pytest.mark.parametrize("kind", ["RoleBinding", "ClusterRoleBinding"])
def test_cluster_admin_is_refused_for_its_rules(shop: LocalCluster, kind: str) -> None:
    refused = apply(shop, _binding("admins", "cluster-admin", "mallory", kind=kind))
    assert "wildcard-grant" in refused.stderr


def test_every_way_of_writing_a_binding_is_judged(shop: LocalCluster) -> None:
    body = json.dumps(_binding("ways", "ops-viewer", "mallory"))
    generated = json.dumps(
        _binding("", "ops-viewer", "mallory")
        | {"metadata": {"generateName": "ways-", "namespace": "shop"}}
    )
    as_list = json.dumps({"apiVersion": "v1", "kind": "List", "items": [json.loads(body)]})
    assert apply(shop, _binding("patched", "ops-viewer")).returncode == 0
    subject = '{"subjects":[{"kind":"User","name":"m","apiGroup":"rbac.authorization.k8s.io"}]}'
    patch = ("patch", "rolebinding", "patched", "-n", "shop", "-p", subject)
    for arguments, stdin in [
        (("apply", "--server-side", "-f", "-"), body),
        (("create", "-f", "-"), generated),
        (("create", "-f", "-"), as_list),
        (("create", "--dry-run=server", "-f", "-"), body),
        ((*patch, "--type=merge"), None),
        ((*patch, "--type=strategic"), None),
    ]:
        done = shop.kubectl(*arguments, stdin=stdin, check=False)
        assert "wildcard-grant" in done.stderr, arguments


def test_nobody_is_bound_through_system_masters_and_a_user_of_that_name_is_nobody(
    shop: LocalCluster,
) -> None:
    binding = _binding("masters", "view", "system:masters")
    assert apply(shop, binding).returncode == 0
    binding["subjects"][0]["kind"] = "Group"
    assert "reserved-subject" in apply(shop, binding).stderr


def test_only_added_power_is_judged_whatever_stands_there() -> None:
    """A cluster that was there before Curfew: what it holds may be kept, and taken back."""
    with temporary() as old:
        old.kubectl("create", "namespace", "shop")
        assert _role(old, "ops-viewer", _EVERYTHING).returncode == 0
        assert apply(old, _binding("ops", "ops-viewer", "ann", "bob")).returncode == 0
        chart.install(old)
        wait_until_armed(old)
        label = ("label", "rolebinding", "ops", "-n", "shop", "team=ops")
        assert old.kubectl(*label, check=False).returncode == 0
        assert apply(old, _binding("ops", "ops-viewer", "bob", "ann")).returncode == 0
        assert "User carl" in apply(old, _binding("ops", "ops-viewer", "ann", "carl")).stderr
        assert apply(old, _binding("ops", "ops-viewer", "bob")).returncode == 0
        assert "User ann" in apply(old, _binding("ops", "ops-viewer", "ann", "bob")).stderr
        old.kubectl("delete", "rolebinding", "ops", "-n", "shop")


def test_ordinary_bindings_pass_and_a_missing_role_is_told_of(shop: LocalCluster) -> None:
    for role in ("view", "edit", "admin", "curfew:edit"):
        assert (
            apply(shop, _binding(f"ordinary-{role.replace(':', '-')}", role, "dev")).returncode == 0
        )
    dangling = apply(shop, _binding("dangling", "not-there-yet", "dev"))
    assert dangling.returncode == 0
    assert "Warning: RoleBinding shop/dangling names ClusterRole not-there-yet" in dangling.stderr


def test_what_only_looks_like_a_wildcard_and_a_vendors_own_kinds_pass(shop: LocalCluster) -> None:
    inert = {"apiGroups": [""], "resources": ["pods/*", "*/*"], "verbs": ["get"]}
    vendor = {"apiGroups": ["example.com"], "resources": ["*"], "verbs": ["*"]}
    _role(shop, "looks-wild", inert, vendor)
    assert apply(shop, _binding("looks-wild", "looks-wild", "dev")).returncode == 0


def test_a_role_that_is_written_a_moment_before_its_binding_is_known(shop: LocalCluster) -> None:
    for number in range(10):
        _role(shop, f"fresh-{number}", _EVERYTHING)
        refused = apply(shop, _binding(f"fresh-{number}", f"fresh-{number}", "mallory"))
        assert "wildcard-grant" in refused.stderr


def test_everything_on_objects_called_star_is_everything_since_roles_may_be_called_so(
    shop: LocalCluster,
) -> None:
    _role(shop, "star-names", _EVERYTHING | {"resourceNames": ["*"]})
    refused = apply(
        shop, _binding("star-names", "star-names", "mallory", kind="ClusterRoleBinding")
    )
    assert "wildcard-grant" in refused.stderr


@pytest.mark.parametrize("url", ["*", "/*", "/**", "**"])
def test_every_url_is_refused_for_the_whole_cluster_however_it_is_written(
    shop: LocalCluster, url: str
) -> None:
    body = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
    rule = {"nonResourceURLs": [url], "verbs": ["get"]}
    apply(shop, body | {"metadata": {"name": "urls"}, "rules": [rule]})
    refused = apply(shop, _binding("urls", "urls", "mallory", kind="ClusterRoleBinding"))
    assert "wildcard-grant" in refused.stderr
