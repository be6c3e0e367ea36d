"""Paths: a name that a user chose never leads anywhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curfew.objects.meta import ObjectMeta
from curfew.objects.resource import BadName, Resource

PODS = Resource("", "v1", "pods", namespaced=True)
ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", namespaced=False)


def test_the_core_group_and_named_groups_have_their_own_roots() -> None:
    assert PODS.path("web", "shop") == "/api/v1/namespaces/shop/pods/web"
    assert PODS.path("web", "shop", "exec") == "/api/v1/namespaces/shop/pods/web/exec"
    assert PODS.collection() == "/api/v1/pods"
    assert ROLES.path("system:node") == (
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node"
    )


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../secrets", "a%2Fb"])
def test_a_name_that_could_change_the_path_is_refused(name: str) -> None:
    with pytest.raises(BadName) as caught:
        ROLES.path(name)
    assert caught.value.name == name
    with pytest.raises(BadName):
        PODS.path("web", name)


def test_a_namespace_is_needed_exactly_where_the_kind_has_one() -> None:
    with pytest.raises(ValueError, match="needs a namespace"):
        PODS.path("web")
    with pytest.raises(ValueError, match="cluster-scoped"):
        ROLES.path("view", "shop")


@given(st.text(min_size=1).filter(lambda n: n not in (".", "..") and not set(n) & set("/%")))
def test_any_other_name_stays_one_segment_without_query_or_fragment(name: str) -> None:
    try:
        segment = ROLES.path(name).removeprefix(ROLES.collection() + "/")
    except UnicodeEncodeError:
        return
    assert not set(segment) & set("/?# \r\n")
    assert segment.isascii()


def test_an_object_without_a_namespace_has_an_empty_one() -> None:
    assert ObjectMeta(name="a").namespace == ""
