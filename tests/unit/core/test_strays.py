"""Strays: a binding counts as lent only where a request that lends says the same."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curfew.access.api import AccessRequest
from curfew.access.binding import EXPIRES_AT, LentBinding
from curfew.access.lifecycle import Phase
from curfew.access.strays import is_stray
from tests.unit.core.samples import DEADLINE, DEPLOYER, EDIT, annotated, lent, moved, request

ASKED = request(namespaces=("payments", "shop"), roles=(EDIT, DEPLOYER))
LENT = lent(ASKED)
GRANTED = moved(ASKED, Phase.ACTIVE)
LENDING = (Phase.GRANTING, Phase.ACTIVE)


def until(text: str) -> LentBinding:
    return annotated(LENT[0], {EXPIRES_AT: text})


def called(namespace: str, name: str) -> LentBinding:
    meta = msgspec.structs.replace(LENT[0].metadata, namespace=namespace, name=name)
    return msgspec.structs.replace(LENT[0], metadata=meta)


@pytest.mark.parametrize("phase", LENDING)
@pytest.mark.parametrize("binding", LENT)
def test_what_a_request_that_lends_asks_for_is_no_stray(binding: LentBinding, phase: Phase) -> None:
    assert not is_stray(binding, moved(ASKED, phase))


def test_a_binding_without_a_request_is_a_stray() -> None:
    assert is_stray(LENT[0], None)


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in LENDING])
def test_a_binding_of_a_request_that_lends_nothing_now_is_a_stray(phase: Phase) -> None:
    assert is_stray(LENT[0], moved(ASKED, phase))


def test_a_binding_of_a_request_without_a_deadline_on_record_is_a_stray() -> None:
    assert is_stray(LENT[0], moved(ASKED, Phase.ACTIVE, deadline=None))


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-03-01T09:30:00"])
def test_a_binding_without_a_readable_deadline_is_a_stray(text: str) -> None:
    assert is_stray(until(text), GRANTED)
    assert is_stray(annotated(LENT[0], {}), GRANTED)


@given(st.integers(-3600, 3600))
def test_a_binding_that_says_a_later_deadline_than_is_on_record_is_a_stray(seconds: int) -> None:
    carried = DEADLINE + timedelta(seconds=seconds)
    assert is_stray(until(carried.isoformat()), GRANTED) is (seconds > 0)


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("ledger", "curfew-7f3a-0"),
        ("", "curfew-7f3a-0"),
        ("payments", "curfew-7f3a-2"),
        ("payments", "curfew-other-0"),
        ("payments", "ops"),
    ],
    ids=["a namespace not asked for", "none", "one too many", "another's name", "any name"],
)
def test_a_binding_in_a_place_or_of_a_name_that_was_not_asked_for_is_a_stray(
    namespace: str, name: str
) -> None:
    assert is_stray(called(namespace, name), GRANTED)


def _renamed(uid: str) -> AccessRequest:
    meta = msgspec.structs.replace(GRANTED.metadata, uid=uid)
    return msgspec.structs.replace(GRANTED, metadata=meta)


def test_a_binding_of_an_earlier_request_of_the_same_name_is_a_stray() -> None:
    assert not is_stray(LENT[0], _renamed("7f3a"))
    assert is_stray(LENT[0], _renamed("8e4b"))
