"""What Curfew's own operator lends, asked as the API server asks."""

import pytest

from curfew.admission.lent_grant import Neighbours
from tests.contract.reviewing import (
    EVERYTHING,
    INCIDENT,
    OPERATOR,
    READ_PODS,
    Book,
    Json,
    Site,
    Town,
    answers,
    binding,
    on_site,
    resolved,
    review,
)

HARMLESS = Book(helper=resolved(READ_PODS))
LENDS: Json = {"username": OPERATOR, "groups": ["system:serviceaccounts"]}
OTHERS = [
    "dana",
    "system:admin",
    "system:serviceaccount:curfew-system:curfew-webhook",
    "system:serviceaccount:other:curfew-operator",
    "",
]


def lending(**request: Json) -> Json:
    return review(binding(), userInfo=LENDS, **request)


def test_what_the_operator_lends_beside_harmless_accounts_is_admitted() -> None:
    town = Town()
    (found,) = answers(HARMLESS, lending(), town=town)
    assert found["allowed"] is True
    assert town.asked == ["payments"]


def test_what_the_operator_lends_beside_a_powerful_account_is_refused_and_names_none() -> None:
    (found,) = answers(HARMLESS, lending(), town=Town(Neighbours.POWERFUL))
    assert found["allowed"] is False
    assert (found["status"]["code"], found["status"]["reason"]) == (403, "Forbidden")
    message = found["status"]["message"]
    assert message.startswith("lent-grant: RoleBinding payments/ops would give User dana")
    assert "a ServiceAccount of that namespace holds a wildcard" in message
    assert found["auditAnnotations"] == {"verdict": "refused", "rules": "lent-grant"}


def test_what_the_operator_lends_where_nothing_is_known_is_to_be_tried_again() -> None:
    (found,) = answers(HARMLESS, lending(), town=Town(Neighbours.UNKNOWN))
    assert found["allowed"] is False
    assert (found["status"]["code"], found["status"]["reason"]) == (503, "ServiceUnavailable")
    message = found["status"]["message"]
    assert message.startswith("could not tell: what the ServiceAccounts of namespace payments hold")
    assert found["auditAnnotations"] == {"verdict": "undecided"}


def test_a_wildcard_that_the_operator_would_lend_is_refused_wherever_it_is() -> None:
    book = Book(helper=resolved(EVERYTHING))
    for found in Neighbours:
        (answer,) = answers(book, lending(), town=Town(found))
        assert answer["status"]["code"] == 403
        assert answer["auditAnnotations"]["rules"].startswith("wildcard-grant")


@pytest.mark.parametrize("username", OTHERS)
def test_for_nobody_else_is_it_asked_who_else_is_in_a_namespace(username: str) -> None:
    town = Town(Neighbours.POWERFUL)
    asked = review(binding(), userInfo={"username": username})
    (found,) = answers(HARMLESS, asked, town=town)
    assert found["allowed"] is True
    assert town.asked == []


def test_a_write_of_the_operator_that_adds_nobody_asks_nothing() -> None:
    town = Town(Neighbours.POWERFUL)
    asked = review(binding(), old=binding(), userInfo=LENDS)
    (found,) = answers(HARMLESS, asked, town=town)
    assert found["allowed"] is True
    assert town.asked == []


def test_the_operator_may_take_back_what_it_lent_beside_anybody() -> None:
    town = Town(Neighbours.POWERFUL)
    asked = review(None, old=binding(), operation="DELETE", userInfo=LENDS)
    (found,) = answers(HARMLESS, asked, town=town)
    assert found["allowed"] is True
    assert town.asked == []


def test_a_defect_there_is_a_refusal_with_an_incident_and_to_be_tried_again() -> None:
    (found,) = answers(HARMLESS, lending(), town=Town(RuntimeError("a defect of ours")))
    assert found["allowed"] is False
    assert found["status"]["code"] == 503
    assert found["auditAnnotations"] == {"verdict": "crashed", "incident": INCIDENT}


def test_each_of_these_is_counted_as_what_it_was() -> None:
    async def scenario(site: Site) -> None:
        for found in (Neighbours.HARMLESS, Neighbours.POWERFUL, Neighbours.UNKNOWN):
            site.town.found = found
            await site.ask(lending())

    value = on_site(HARMLESS, scenario).metrics.registry.get_sample_value
    counted = [
        value("curfew_admission_reviews_total", {"verdict": verdict})
        for verdict in ("admitted", "refused", "undecided", "crashed")
    ]
    assert counted == [1, 1, 1, 0]
