"""The certificate keeper: trust comes before the certificate, and the old one is trusted along."""

from datetime import timedelta

import pytest

from curfew_kube.errors import Invalid, KubeError
from curfew_operator.pair import LIFE, Pair, first_certificate, is_fresh, new_pair
from tests.unit.operator_edge.kept_webhook import (
    HOST,
    MUTATING,
    NOW,
    SECRET,
    VALIDATING,
    KeptWebhook,
)
from tests.unit.operator_edge.memory_api import away, no

AGED = LIFE * 2 / 3 + timedelta(hours=1)


def test_the_first_look_makes_a_certificate_and_has_it_trusted_everywhere() -> None:
    kept = KeptWebhook()
    assert kept.look() is False
    assert is_fresh(kept.pair(), HOST, NOW)
    authority = kept.secret("ca.crt")
    assert first_certificate(authority) == authority
    assert kept.trusted(VALIDATING) == [authority, authority]
    assert kept.trusted(MUTATING) == [authority]


def test_it_is_trusted_before_it_is_served() -> None:
    kept = KeptWebhook()
    kept.look()
    assert kept.changes() == [MUTATING, VALIDATING, SECRET]


def test_a_second_look_writes_nothing() -> None:
    kept = KeptWebhook()
    kept.look()
    kept.api.calls.clear()
    kept.look()
    assert kept.changes() == []


def test_a_cluster_without_the_mutating_configuration_is_served_all_the_same() -> None:
    kept = KeptWebhook()
    del kept.api.objects[MUTATING]
    kept.look()
    assert kept.changes() == [VALIDATING, SECRET]
    assert kept.trusted() == [kept.secret("ca.crt")] * 2


def test_trust_that_somebody_took_away_is_put_back_without_a_new_certificate() -> None:
    kept = KeptWebhook()
    kept.look()
    certificate = kept.secret("tls.crt")
    kept.configure(VALIDATING, "probe.curfew.dev", "rbac-guard-see-runbook.curfew.dev")
    kept.look()
    assert kept.secret("tls.crt") == certificate
    assert kept.trusted() == [kept.secret("ca.crt")] * 2


def test_at_two_thirds_of_its_life_it_is_replaced_and_both_authorities_are_trusted() -> None:
    kept = KeptWebhook()
    kept.look()
    old, before = kept.secret("ca.crt"), kept.secret("tls.crt")
    kept.now = NOW + AGED
    kept.api.calls.clear()
    kept.look()
    bundle = kept.secret("ca.crt")
    assert kept.changes() == [MUTATING, VALIDATING, SECRET]
    assert kept.secret("tls.crt") != before
    assert is_fresh(kept.pair(), HOST, kept.now)
    assert bundle == first_certificate(bundle) + old
    assert kept.trusted() == [bundle] * 2
    assert kept.trusted(MUTATING) == [bundle]
    kept.api.calls.clear()
    kept.look()
    assert kept.changes() == []


def test_a_rotation_later_on_trusts_the_last_two_and_no_older_authority() -> None:
    kept = KeptWebhook()
    firsts = []
    for number in range(3):
        kept.now = NOW + AGED * number
        kept.look()
        firsts.append(first_certificate(kept.secret("ca.crt")))
    assert kept.secret("ca.crt") == firsts[2] + firsts[1]


def test_an_operator_that_ends_before_the_secret_leaves_the_served_one_trusted() -> None:
    kept = KeptWebhook()
    kept.look()
    served = kept.secret("ca.crt")
    kept.now = NOW + AGED
    kept.api.failing[f"PATCH {SECRET}"] = away("PATCH secret")
    with pytest.raises(KubeError):
        kept.look()
    assert kept.secret("ca.crt") == served
    assert all(served in bundle for bundle in (*kept.trusted(), *kept.trusted(MUTATING)))
    kept.api.failing.clear()
    kept.look()
    bundle = kept.secret("ca.crt")
    assert bundle == first_certificate(bundle) + served
    assert kept.trusted() == [bundle] * 2


def test_of_two_operators_that_rotate_at_once_one_wins_and_its_authority_is_trusted() -> None:
    kept = KeptWebhook()
    kept.api.failing[f"PATCH {SECRET}"] = no("PATCH secret", 422, "Invalid", "changed")
    with pytest.raises(Invalid):
        kept.look()
    kept.api.failing.clear()
    winner = new_pair(HOST, NOW)
    kept.write(winner)
    kept.look()
    assert kept.trusted() == [winner.authority] * 2
    assert kept.secret("tls.crt") == winner.certificate


@pytest.mark.parametrize(
    "missing", ["tls_crt", "tls_key", "ca_crt"], ids=["certificate", "key", "authority"]
)
def test_a_secret_that_lacks_a_part_is_written_anew(missing: str) -> None:
    kept = KeptWebhook()
    old = new_pair(HOST, NOW)
    kept.write(old, **{missing: None})
    kept.look()
    assert kept.secret("tls.crt") != old.certificate
    assert kept.trusted() == [kept.secret("ca.crt")] * 2


def test_a_certificate_beside_anothers_key_is_replaced() -> None:
    kept = KeptWebhook()
    old = new_pair(HOST, NOW)
    kept.write(old, tls_key=new_pair(HOST, NOW).key)
    kept.look()
    assert kept.secret("tls.crt") != old.certificate
    assert is_fresh(kept.pair(), HOST, NOW)


@pytest.mark.parametrize(
    "pair",
    [new_pair("another.svc", NOW), new_pair(HOST, NOW - LIFE), new_pair(HOST, NOW + LIFE)],
    ids=["another name", "too old", "not yet valid"],
)
def test_a_certificate_that_serves_nobody_is_replaced(pair: Pair) -> None:
    kept = KeptWebhook()
    kept.write(pair)
    kept.look()
    assert is_fresh(kept.pair(), HOST, NOW)
