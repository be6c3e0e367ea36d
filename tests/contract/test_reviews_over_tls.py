"""What becomes of a write, asked as the API server asks: over TLS, one review at a time."""

import asyncio
import base64
import logging
import ssl

import aiohttp
import msgspec
import pytest
from cryptography import x509

from curfew.admission import probe
from curfew.admission.grants import Unreadable
from tests.contract.reviewing import (
    EVERYTHING,
    HOST,
    INCIDENT,
    READ_PODS,
    Book,
    Json,
    Site,
    answers,
    binding,
    on_site,
    resolved,
    review,
)

ALIAS = Book(helper=resolved(EVERYTHING))
HARMLESS = Book(helper=resolved(READ_PODS))
CONFIG_MAPS = {"group": "", "version": "v1", "resource": "configmaps"}


def test_an_innocent_name_for_everything_is_refused_with_the_path_to_it() -> None:
    (found,) = answers(ALIAS, review(binding()))
    assert found["allowed"] is False
    assert found["status"]["code"] == 403
    assert found["status"]["reason"] == "Forbidden"
    message = found["status"]["message"]
    assert message.startswith("wildcard-grant: RoleBinding payments/ops would give User dana")
    assert (
        "  User dana\n    -> RoleBinding payments/ops\n    -> ClusterRole helper\n    -> rules[0]:"
        in message
    )
    assert "kubectl curfew request curfew:edit -n payments --for 1h" in message
    assert found["auditAnnotations"] == {"verdict": "refused", "rules": "wildcard-grant"}


def test_the_same_for_the_whole_cluster_names_the_cluster_role_binding() -> None:
    (found,) = answers(ALIAS, review(binding(cluster=True), namespace=""))
    assert found["allowed"] is False
    assert "ClusterRoleBinding ops would give User dana" in found["status"]["message"]


def test_an_ordinary_binding_is_admitted_without_a_word() -> None:
    (found,) = answers(HARMLESS, review(binding()))
    assert found["allowed"] is True
    assert "status" not in found
    assert "warnings" not in found
    assert found["auditAnnotations"] == {"verdict": "admitted"}


def test_an_update_that_widens_nothing_is_admitted_whatever_the_role_holds() -> None:
    book = Book(helper=resolved(EVERYTHING))
    before = binding("helper", "dana", "eli")
    less = binding("helper", "eli")
    found = answers(book, review(before, old=before), review(less, old=before))
    assert [one["allowed"] for one in found] == [True, True]
    assert book.asked == 0


def test_an_update_that_adds_somebody_is_refused_for_that_one_alone() -> None:
    (found,) = answers(ALIAS, review(binding("helper", "dana", "eli"), old=binding()))
    assert found["allowed"] is False
    assert "User eli" in found["status"]["message"]
    assert "User dana" not in found["status"]["message"]


def test_a_binding_to_a_role_that_is_missing_is_admitted_with_a_warning() -> None:
    (found,) = answers(Book(), review(binding("nobody-wrote-it")))
    assert found["allowed"] is True
    (warning,) = found["warnings"]
    assert "names ClusterRole nobody-wrote-it, which does not exist" in warning


def test_a_role_that_cannot_be_read_is_refused_as_could_not_tell() -> None:
    (found,) = answers(Book(helper=Unreadable("the API server is away")), review(binding()))
    assert found["allowed"] is False
    assert (found["status"]["code"], found["status"]["reason"]) == (503, "ServiceUnavailable")
    message = found["status"]["message"]
    assert message.startswith("could not tell: RoleBinding payments/ops")
    assert "(the API server is away)" in message
    assert found["auditAnnotations"] == {"verdict": "undecided"}


def test_system_masters_is_refused_also_where_the_role_is_missing() -> None:
    masters = binding()
    masters["subjects"] = [{"kind": "Group", "name": "system:masters"}]
    (found,) = answers(Book(), review(masters))
    assert found["allowed"] is False
    assert found["auditAnnotations"]["rules"] == "reserved-subject"


def test_a_crash_is_a_refusal_with_an_incident_and_the_next_review_is_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR, "curfew.webhook")
    book = Book(helper=RuntimeError("a defect of ours"), other=resolved(READ_PODS))
    first, second = answers(book, review(binding()), review(binding("other")))
    assert first["allowed"] is False
    assert (first["status"]["code"], first["status"]["reason"]) == (503, "ServiceUnavailable")
    assert first["status"]["message"].startswith("could not tell: ")
    assert f"(incident {INCIDENT})" in first["status"]["message"]
    assert "a defect of ours" not in first["status"]["message"]
    assert first["auditAnnotations"] == {"verdict": "crashed", "incident": INCIDENT}
    assert second["allowed"] is True
    (entry,) = caplog.records
    assert f"incident {INCIDENT}" in entry.getMessage()
    assert entry.exc_info is not None
    assert "a defect of ours" in caplog.text


def test_a_kind_without_a_rule_is_refused_as_could_not_tell() -> None:
    pods = {"group": "", "version": "v1", "resource": "pods"}
    (found,) = answers(HARMLESS, review({"kind": "Pod"}, resource=pods))
    assert found["allowed"] is False
    assert found["status"]["code"] == 503
    assert found["status"]["message"].startswith("could not tell: Curfew was asked about pods")


@pytest.mark.parametrize(
    "content",
    [
        None,
        {"metadata": {"name": "ops"}},
        binding() | {"subjects": [{"kind": "Robot", "name": "r2"}]},
        binding() | {"roleRef": "helper"},
    ],
    ids=["no object", "no role", "a strange subject", "a role that is a text"],
)
def test_a_binding_that_cannot_be_read_is_refused_as_could_not_tell(content: Json | None) -> None:
    (found,) = answers(HARMLESS, review(content))
    assert found["allowed"] is False
    assert found["status"]["code"] == 503
    words = "could not tell: the binding cannot be read: "
    assert found["status"]["message"].startswith(words)


def test_the_operators_probe_is_refused_with_the_words_that_it_waits_for() -> None:
    asked = review({"kind": "ConfigMap"}, resource=CONFIG_MAPS, name=probe.NAME)
    (found,) = answers(HARMLESS, asked)
    assert found["allowed"] is False
    assert found["status"]["code"] == 403
    assert found["status"]["message"] == probe.ANSWER


def test_another_config_map_is_no_probe() -> None:
    asked = review({"kind": "ConfigMap"}, resource=CONFIG_MAPS, name="settings")
    (found,) = answers(HARMLESS, asked)
    assert found["allowed"] is False
    assert probe.ANSWER not in found["status"]["message"]


def test_a_delete_is_admitted_whatever_the_role_holds() -> None:
    (found,) = answers(ALIAS, review(None, old=binding(), operation="DELETE"))
    assert found["allowed"] is True


def asked_for(**spec: object) -> Json:
    request = {"kind": "AccessRequest", "metadata": {"generateName": "req-"}, "spec": spec}
    kind = {"group": "curfew.dev", "version": "v1alpha1", "resource": "accessrequests"}
    return review(request, resource=kind, name="", namespace="")


@pytest.mark.parametrize("spec", [{}, {"requester": None}], ids=["left out", "null"])
def test_a_requester_that_is_left_out_is_filled_in_as_the_api_server_knows_them(
    spec: Json,
) -> None:
    (found,) = answers(Book(), asked_for(**spec), path="/mutate")
    assert found["allowed"] is True
    assert found["patchType"] == "JSONPatch"
    who = {"username": "dana", "uid": "u-1", "groups": ["dev", "system:authenticated"]}
    patch = msgspec.json.decode(base64.b64decode(found["patch"]))
    assert patch == [{"op": "add", "path": "/spec/requester", "value": who}]


@pytest.mark.parametrize(
    "content",
    [
        asked_for(requester={"username": "somebody-else"}),
        asked_for(requester={}),
        review({"kind": "AccessRequest"}),
        review(None),
    ],
    ids=["another", "empty", "no spec", "no object"],
)
def test_what_is_there_is_left_to_the_api_servers_own_policy(content: Json) -> None:
    (found,) = answers(Book(), content, path="/mutate")
    assert found == {"uid": content["request"]["uid"], "allowed": True}


def test_fifty_reviews_go_over_one_connection() -> None:
    async def scenario(site: Site) -> None:
        async with site.client(connections=1) as session:
            for number in range(50):
                asked = review(binding(), uid=f"uid-{number}")
                assert (await site.ask(asked, session=session))["allowed"] is True
            assert site.opened == 1

    on_site(HARMLESS, scenario)


def test_of_sixty_four_reviews_at_once_each_gets_its_own_answer() -> None:
    book = Book(helper=resolved(EVERYTHING), other=resolved(READ_PODS))

    async def scenario(site: Site) -> None:
        asked = [
            review(binding("helper" if number % 2 else "other"), uid=f"uid-{number}")
            for number in range(64)
        ]
        found = await asyncio.gather(*(site.ask(one) for one in asked))
        assert [one["allowed"] for one in found] == [number % 2 == 0 for number in range(64)]

    on_site(book, scenario)


def test_the_protocol_is_tls_1_3_and_nothing_older() -> None:
    async def scenario(site: Site) -> None:
        trust = ssl.create_default_context(cadata=site.certificate.trusted)
        trust.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", site.port, ssl=trust, server_hostname=HOST)

    on_site(HARMLESS, scenario)


def test_a_client_that_expects_another_name_does_not_get_through() -> None:
    async def scenario(site: Site) -> None:
        async with site.client() as session:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.get("/validate", server_hostname="another.svc")

    on_site(HARMLESS, scenario)


def test_a_new_certificate_is_shown_to_new_callers_and_drops_no_old_one() -> None:
    async def scenario(site: Site) -> None:
        async with site.client(connections=1) as session:
            await site.ask(review(binding()), session=session)
            pair = await site.certify()
            await site.ask(review(binding()), session=session)
            assert site.opened == 1
        async with site.client() as session:
            await site.ask(review(binding()), session=session)
        trust = ssl.create_default_context(cadata=pair.authority.decode())
        _, writer = await asyncio.open_connection(
            "127.0.0.1", site.port, ssl=trust, server_hostname=HOST
        )
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        await writer.wait_closed()
        assert x509.load_der_x509_certificate(shown) == x509.load_pem_x509_certificate(
            pair.certificate
        )

    on_site(HARMLESS, scenario)
