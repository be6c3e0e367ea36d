"""Wildcards: what the API server's authorizer would let pass is found, and nothing else is."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curfew.objects.rbac import PolicyRule
from curfew.rbac.builtin import CLUSTER_SCOPED, GROUPS
from curfew.rbac.wildcards import Reach, Wildcard, built_in_wildcards

VERBS = ("*", "get", "patch", "create")
BUILT_IN = ("", "apps", "rbac.authorization.k8s.io")
VENDOR = ("cert-manager.io", "snapshot.storage.k8s.io", "metrics.k8s.io")
RESOURCES = ("*", "*/exec", "pods", "pods/exec", "pods/*", "*/*", "nodes", "clusterroles")
URLS = ("*", "/*", "**", "/**", "/healthz", "/apis/*")
NAMES = ((), ("*",), ("web",), ("*", "web"))


def some(*pool: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(pool), max_size=3).map(tuple)


RULES = st.builds(
    PolicyRule,
    verbs=some(*VERBS),
    api_groups=some("*", *BUILT_IN, *VENDOR),
    resources=some(*RESOURCES),
    resource_names=st.sampled_from(NAMES),
    non_resource_urls=some(*URLS),
)
ROLES = st.lists(RULES, max_size=4).map(tuple)
WITHOUT_A_STAR = st.lists(st.text(max_size=8).map(lambda t: t.replace("*", "+"))).map(tuple)


def rule(verbs: str, groups: str, resources: str, names: tuple[str, ...] = ()) -> PolicyRule:
    return PolicyRule((verbs,), (groups,), (resources,), names)


def urls(url: str, verb: str = "get") -> PolicyRule:
    return PolicyRule(verbs=(verb,), non_resource_urls=(url,))


def found(one: PolicyRule, reach: Reach = Reach.CLUSTER) -> set[tuple[str, str]]:
    return {(w.field, w.text) for w in built_in_wildcards((one,), reach)}


@pytest.mark.parametrize(
    ("granting", "field", "text"),
    [
        (rule("*", "", "pods"), "verbs", "*"),
        (rule("get", "*", "pods"), "apiGroups", "*"),
        (rule("get", "", "*"), "resources", "*"),
        (rule("create", "", "*/exec"), "resources", "*/exec"),
        (rule("*", "apps", "deployments/scale"), "verbs", "*"),
        (rule("*", "", "pods", ("web",)), "verbs", "*"),
        (rule("get", "", "*", ("*", "web")), "resources", "*"),
        (rule("get", "", "*", ("*", "*")), "resources", "*"),
        (rule("get", "*", "pods", ("*",)), "apiGroups", "*"),
        (rule("*", "rbac.authorization.k8s.io", "clusterroles", ("*",)), "verbs", "*"),
    ],
)
@pytest.mark.parametrize("reach", Reach)
def test_a_wildcard_on_what_kubernetes_serves_grants_through_any_binding(
    granting: PolicyRule, field: str, text: str, reach: Reach
) -> None:
    assert found(granting, reach) == {(field, text)}


def test_one_name_is_no_way_around_since_an_object_may_be_called_by_a_star() -> None:
    everything = {("verbs", "*"), ("apiGroups", "*"), ("resources", "*")}
    assert found(rule("*", "*", "*", ("*",))) == everything
    assert found(rule("*", "*", "*", ("web",))) == everything


@pytest.mark.parametrize("url", ["*", "/*"])
def test_a_wildcard_url_grants_only_where_the_binding_is_cluster_wide(url: str) -> None:
    assert found(urls(url)) == {("nonResourceURLs", url)}
    assert found(urls(url), Reach.NAMESPACE) == set()


@pytest.mark.parametrize("url", ["**", "/**", "***"])
def test_stars_without_number_at_the_end_of_a_url_are_one_star_to_the_authorizer(url: str) -> None:
    # It trims all of them (strings.TrimRight) and compares the beginning.
    assert found(urls(url)) == {("nonResourceURLs", url)}


@pytest.mark.parametrize("url", ["/apis/*", "/healthz", "/metrics/*", "*/healthz", " *", ""])
def test_a_url_that_does_not_reach_every_url_is_no_wildcard(url: str) -> None:
    assert found(urls(url)) == set()


@pytest.mark.parametrize(
    "inert",
    [
        rule("*", "", "pods/*"),
        rule("*", "*", "*/*"),
        rule("get", "", "*/*"),
        rule("* ", "", "pods"),
        rule("get", " *", "pods"),
        rule("*", " apps", "deployments"),
        rule("get", "", "* "),
        PolicyRule(verbs=(), api_groups=("*",), resources=("*",), non_resource_urls=("*",)),
        PolicyRule(verbs=("*",), api_groups=(), resources=("*",)),
        PolicyRule(verbs=("*",), api_groups=("*",), resources=()),
        PolicyRule(),
    ],
)
def test_what_only_looks_like_a_wildcard_is_not_found(inert: PolicyRule) -> None:
    assert found(inert) == set()


@pytest.mark.parametrize(
    "inert",
    [
        rule("GET", "", "*"),
        rule("Patch", "*", "*"),
        rule("get ", "", "*"),
        urls("*", verb="GET"),
    ],
)
def test_a_verb_that_no_request_can_have_makes_the_whole_rule_inert(inert: PolicyRule) -> None:
    assert found(inert) == set()


@pytest.mark.parametrize("resource", [" pods", "pods ", "*/", "*/ exec"])
def test_a_resource_that_no_request_can_have_makes_a_wildcard_inert(resource: str) -> None:
    assert found(rule("*", "", resource)) == set()


@pytest.mark.parametrize("group", VENDOR)
def test_a_vendors_own_groups_are_not_kubernetes_own(group: str) -> None:
    assert group not in GROUPS
    assert found(PolicyRule(("*",), (group,), ("*", "*/status", "things"))) == set()


def test_a_built_in_group_beside_a_vendors_is_found() -> None:
    assert found(PolicyRule(("get",), (VENDOR[0], "apps"), ("*",))) == {("resources", "*")}


@pytest.mark.parametrize("kind", sorted(CLUSTER_SCOPED))
def test_power_on_cluster_scoped_kinds_comes_through_a_cluster_role_binding_only(
    kind: tuple[str, str],
) -> None:
    power = rule("*", *kind)
    carried = kind in {("", "namespaces"), ("rbac.authorization.k8s.io", "clusterroles")}
    assert found(power) == {("verbs", "*")}
    assert found(power, Reach.NAMESPACE) == ({("verbs", "*")} if carried else set())
    part = rule("*", kind[0], f"{kind[1]}/status")
    assert found(part, Reach.NAMESPACE) == ({("verbs", "*")} if carried else set())


def test_each_wildcard_is_told_once_with_the_rule_in_which_it_stands() -> None:
    harmless = rule("get", "", "pods")
    wide = PolicyRule(("*", "*"), ("", "apps"), ("*", "*/exec", "*"), non_resource_urls=("*",))
    assert built_in_wildcards((harmless, wide), Reach.CLUSTER) == (
        Wildcard(1, "resources", "*"),
        Wildcard(1, "verbs", "*"),
        Wildcard(1, "resources", "*/exec"),
        Wildcard(1, "nonResourceURLs", "*"),
    )


@given(ROLES, ROLES, st.sampled_from(Reach))
def test_adding_rules_never_takes_a_wildcard_away(
    role: tuple[PolicyRule, ...], more: tuple[PolicyRule, ...], reach: Reach
) -> None:
    before = built_in_wildcards(role, reach)
    assert built_in_wildcards(role + more, reach)[: len(before)] == before


@given(RULES, RULES, st.sampled_from(Reach))
def test_adding_verbs_groups_or_resources_never_takes_a_wildcard_away(
    one: PolicyRule, other: PolicyRule, reach: Reach
) -> None:
    wider = msgspec.structs.replace(
        one,
        verbs=one.verbs + other.verbs,
        api_groups=one.api_groups + other.api_groups,
        resources=one.resources + other.resources,
        non_resource_urls=one.non_resource_urls + other.non_resource_urls,
    )
    assert found(one, reach) <= found(wider, reach)


@given(ROLES)
def test_a_cluster_wide_binding_carries_all_that_a_namespaced_one_does(
    role: tuple[PolicyRule, ...],
) -> None:
    near = set(built_in_wildcards(role, Reach.NAMESPACE))
    assert near <= set(built_in_wildcards(role, Reach.CLUSTER))


@given(RULES, st.sampled_from(Reach), st.data())
def test_the_order_in_which_a_rule_is_written_is_of_no_matter(
    one: PolicyRule, reach: Reach, data: st.DataObject
) -> None:
    other = PolicyRule(*(tuple(data.draw(st.permutations(part))) for part in parts(one)))
    assert found(other, reach) == found(one, reach)


@given(st.builds(PolicyRule, *[WITHOUT_A_STAR] * 5), st.sampled_from(Reach))
def test_a_rule_without_a_star_is_never_found(one: PolicyRule, reach: Reach) -> None:
    assert found(one, reach) == set()


@given(RULES)
def test_whatever_passes_the_authorizer_without_being_named_is_found(one: PolicyRule) -> None:
    for verb in ("get", "unheard-of"):
        for group in BUILT_IN:
            for kind, part in (("pods", ""), ("pods", "exec"), ("new", ""), ("new", "exec")):
                resource = f"{kind}/{part}" if part else kind
                named = verb in one.verbs and group in one.api_groups and resource in one.resources
                if lets_pass(one, verb, group, kind, part) and not named:
                    assert found(one)
        if lets_read(one, verb, "/") and lets_read(one, verb, "/new"):
            assert found(one)


@given(RULES)
def test_what_is_found_lets_something_pass_that_is_not_named(one: PolicyRule) -> None:
    asked = [
        (verb, group, kind, part)
        for verb in ("get", "patch", "create", "unheard-of")
        for group in (*BUILT_IN, "batch")
        for kind in ("pods", "nodes", "clusterroles", "new")
        for part in ("", "exec", "new")
    ]
    unnamed = any(
        lets_pass(one, verb, group, kind, part)
        and not (
            verb in one.verbs
            and group in one.api_groups
            and f"{kind}/{part}".rstrip("/") in one.resources
        )
        for verb, group, kind, part in asked
    )
    anywhere = any(lets_read(one, verb, "/new") for verb in (*VERBS, "unheard-of"))
    assert not found(one) or unnamed or anywhere


def parts(one: PolicyRule) -> tuple[tuple[str, ...], ...]:
    return msgspec.structs.astuple(one)


def lets_pass(one: PolicyRule, verb: str, group: str, kind: str, part: str) -> bool:
    """RuleAllows of the RBAC authorizer, for an object named "web", or one named "*"."""
    resource = f"{kind}/{part}" if part else kind
    return (
        bool({"*", verb} & set(one.verbs))
        and bool({"*", group} & set(one.api_groups))
        and bool({"*", resource, *([f"*/{part}"] if part else [])} & set(one.resources))
        and (not one.resource_names or bool({"web", "*"} & set(one.resource_names)))
    )


def lets_read(one: PolicyRule, verb: str, path: str) -> bool:
    """The same for a path that is no resource."""
    return bool({"*", verb} & set(one.verbs)) and any(
        url in ("*", path) or (url.endswith("*") and path.startswith(url.rstrip("*")))
        for url in one.non_resource_urls
    )
