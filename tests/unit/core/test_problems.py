"""Problems: each names its field and says what to do, and all of them are told at once."""

import msgspec
import pytest

from curfew.access.api import AccessPolicy, AccessRequest, LentRole, Requester
from curfew.access.problems import Problem, duration_of, of_policy, of_request
from curfew.access.world import Place, World
from curfew.objects.rbac import RoleKind
from tests.unit.core.samples import (
    DEPLOYER,
    EDIT,
    FENCE,
    HOUR,
    place,
    policy,
    request,
    world,
)

ADMIN = LentRole(RoleKind.CLUSTER_ROLE, "cluster-admin")
BOTH = (place("payments"), place("shop"))


def told(found: tuple[Problem, ...]) -> list[tuple[str, str]]:
    return [(problem.reason, problem.field) for problem in found]


def only(found: tuple[Problem, ...]) -> str:
    (problem,) = found
    return str(problem)


def under(
    found: AccessPolicy | None, *, may_request: bool = True, places: tuple[Place, ...] = BOTH
) -> World:
    return msgspec.structs.replace(world(), policy=found, may_request=may_request, places=places)


def unproved(found: World) -> World:
    return msgspec.structs.replace(found, identity_proved=False)


def test_a_good_policy_and_a_good_request_have_no_problems() -> None:
    assert of_policy(policy(), FENCE, BOTH) == ()
    assert of_request(request(roles=(EDIT, DEPLOYER), duration="8h"), world()) == ()


@pytest.mark.parametrize(
    ("found", "field", "words"),
    [
        (policy(longest="1 day"), "spec.duration.max", "write it like 90s, 30m or 1h30m"),
        (policy(default="soon"), "spec.duration.default", "write it like 90s, 30m or 1h30m"),
        (policy(default="9h"), "spec.duration.default", "9h is longer than spec.duration.max 8h"),
    ],
)
def test_a_policy_whose_durations_make_no_sense_is_told_which(
    found: AccessPolicy, field: str, words: str
) -> None:
    problem = only(of_policy(found, FENCE, BOTH))
    assert problem.startswith(f"{field}: ")
    assert words in problem


@pytest.mark.parametrize("longest", ["8h", "99999999h", "200000000000h"])
def test_a_policy_that_is_usable_ends_within_the_calendar(longest: str) -> None:
    found = policy(default="1h", longest=longest)
    problems = of_policy(found, FENCE, BOTH)
    assert problems or duration_of(request(duration=longest), found) < 24 * 366 * 1000 * HOUR


def test_a_policy_that_lends_what_the_installation_may_not_is_told_the_chart_value() -> None:
    found = policy(roles=(EDIT, ADMIN), namespaces=("payments",))
    problem = only(of_policy(found, FENCE, BOTH))
    assert problem.startswith("spec.access.roles[1]: ClusterRole cluster-admin is not lendable")
    assert "an administrator may add it to the chart value lendable" in problem


def test_a_policy_for_a_system_namespace_is_told_so() -> None:
    found = policy(roles=(EDIT,), namespaces=("kube-system",))
    assert "not lendable in namespace kube-system" in only(
        of_policy(found, FENCE, (place("kube-system"),))
    )


def test_a_namespace_or_role_that_is_not_there_is_named() -> None:
    found = policy(roles=(EDIT, DEPLOYER))
    places = (place("shop", roles=(EDIT,)),)
    assert [str(problem) for problem in of_policy(found, FENCE, places)] == [
        "spec.scope.namespaces[0]: there is no namespace payments: name one that exists",
        (
            "spec.access.roles[1]: there is no Role deployer for namespace shop: name one that"
            " exists, since Curfew writes no roles"
        ),
    ]


def test_several_problems_of_a_policy_are_told_at_once() -> None:
    found = policy(roles=(ADMIN,), namespaces=("payments", "gone"), default="soon")
    assert told(of_policy(found, FENCE, BOTH)) == [
        ("BadDuration", "spec.duration.default"),
        ("NotLendable", "spec.access.roles[0]"),
        ("NamespaceNotFound", "spec.scope.namespaces[1]"),
    ]


def test_a_request_under_no_policy_is_told_where_to_look() -> None:
    assert only(of_request(request(), under(None))) == (
        "spec.policyRef.name: there is no AccessPolicy oncall;"
        " see which there are: kubectl get accesspolicies"
    )


def test_a_request_under_a_policy_that_cannot_be_used_is_told_why() -> None:
    problem = only(of_request(request(), under(policy(longest="1 day"))))
    assert problem.startswith("spec.policyRef.name: AccessPolicy oncall cannot be used:")
    assert "spec.duration.max" in problem


def test_who_may_not_ask_is_told_which_verb_it_takes() -> None:
    problem = only(of_request(request(), under(policy(), may_request=False)))
    assert problem.startswith("spec.requester: dana may not use AccessPolicy oncall")
    assert "verb request on accesspolicies.curfew.dev/oncall" in problem


@pytest.mark.parametrize(
    ("asked", "found", "words"),
    [
        (
            request(roles=(EDIT, DEPLOYER)),
            policy(roles=(EDIT,)),
            "spec.access.roles[1]: AccessPolicy oncall does not lend Role deployer, but",
        ),
        (
            request(namespaces=("payments", "shop")),
            policy(namespaces=("payments",)),
            "spec.scope.namespaces[1]: AccessPolicy oncall lends in payments, not in shop",
        ),
        (
            request(duration="soon"),
            policy(),
            "spec.duration: 'soon' is no duration from a second to 100 years: write it like 90s,",
        ),
        (
            request(duration="9h"),
            policy(),
            "spec.duration: 9h is longer than AccessPolicy oncall allows: ask for 8h or less",
        ),
    ],
)
def test_a_request_beyond_its_policy_is_told_what_it_may_ask(
    asked: AccessRequest, found: AccessPolicy, words: str
) -> None:
    assert only(of_request(asked, under(found))).startswith(words)


def test_a_requester_who_cannot_be_proved_is_told_what_was_not_in_force() -> None:
    found = of_request(request(), unproved(under(policy())))
    assert told(found) == [("IdentityNotProven", "spec.requester")]
    problem = only(found)
    assert problem.startswith("spec.requester: who asked cannot be proved:")
    assert "curfew-identity was not in force" in problem
    assert "ask again" in problem


def test_who_can_neither_be_proved_nor_may_ask_is_told_both() -> None:
    found = of_request(request(), unproved(under(policy(), may_request=False)))
    assert told(found) == [
        ("IdentityNotProven", "spec.requester"),
        ("NotAllowed", "spec.requester"),
    ]


def test_several_problems_of_a_request_are_told_at_once() -> None:
    asked = request(roles=(ADMIN,), namespaces=("ledger",), duration="never")
    assert told(of_request(asked, under(policy(), may_request=False))) == [
        ("NotAllowed", "spec.requester"),
        ("RoleNotInPolicy", "spec.access.roles[0]"),
        ("NamespaceNotInPolicy", "spec.scope.namespaces[0]"),
        ("BadDuration", "spec.duration"),
        ("NamespaceNotFound", "spec.scope.namespaces[0]"),
    ]


def test_a_role_that_a_policy_lends_but_the_installation_does_not_is_not_granted() -> None:
    asked = request(roles=(ADMIN,))
    found = under(policy(roles=(ADMIN,)), places=(place(roles=(ADMIN,)),))
    assert told(of_request(asked, found)) == [("NotLendable", "spec.access.roles[0]")]


def test_where_a_request_does_not_say_how_long_the_policy_does() -> None:
    assert duration_of(request(), policy(default="2h")) == 2 * HOUR
    assert duration_of(request(duration="1h"), policy(default="2h")) == HOUR


def test_a_system_identity_is_told_to_ask_as_a_person() -> None:
    account = Requester(username="system:serviceaccount:ci:deployer")
    body = request()
    asked = msgspec.structs.replace(
        body, spec=msgspec.structs.replace(body.spec, requester=account)
    )
    words = only(of_request(asked, under(policy())))
    assert words.startswith("spec.requester: ServiceAccounts and other system identities do not")
