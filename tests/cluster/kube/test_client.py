"""The client's verbs, against a real API server, as real users."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from curfew.objects.meta import ObjectMeta
from curfew.objects.resource import Resource
from curfew_kube.client import Client, PatchOperation, Propagation
from curfew_kube.credentials import Credentials
from curfew_kube.errors import (
    AlreadyExists,
    Conflict,
    CredentialFault,
    Forbidden,
    Invalid,
    NotFound,
    Unauthorized,
    Unreachable,
    Untrusted,
)
from curfew_kube.in_cluster import InCluster
from curfew_kube.kubeconfig import Kubeconfig
from curfew_kube.reviews import (
    NonResourceAttributes,
    Question,
    ResourceAttributes,
    issue_token,
    review,
)
from curfew_kube.transport import Transport
from localcluster import LocalCluster, temporary

T = TypeVar("T")
CONFIG_MAPS = Resource("", "v1", "configmaps", namespaced=True)
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", namespaced=True)


class ConfigMap(msgspec.Struct, frozen=True):
    """A ConfigMap as these tests read it."""

    metadata: ObjectMeta
    data: dict[str, str] = {}


def body(name: str, **data: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def with_client(config: Path, act: Callable[[Client], Awaitable[T]]) -> T:
    async def run() -> T:
        async with Client(Kubeconfig(config)) as client:
            return await act(client)

    return asyncio.run(run())


@pytest.fixture
def config(cluster: LocalCluster) -> Path:
    return cluster.kubeconfig


def test_an_object_is_created_read_patched_and_deleted_by_its_uid(config: Path) -> None:
    async def act(client: Client) -> None:
        made = await client.create(CONFIG_MAPS, ConfigMap, body("life", a="1"), "default")
        assert abs(made.date - datetime.now(UTC)).total_seconds() < 60  # noqa: TID251 - the API server's clock is this machine's
        steps = [PatchOperation("test", "/data/a", "1"), PatchOperation("replace", "/data/a", "2")]
        patched = await client.json_patch(CONFIG_MAPS, ConfigMap, "life", steps, "default")
        assert patched.value.data == {"a": "2"}
        with pytest.raises(Invalid):
            await client.json_patch(CONFIG_MAPS, ConfigMap, "life", steps, "default")
        remove = [PatchOperation("remove", "/data/a")]
        await client.json_patch(CONFIG_MAPS, ConfigMap, "life", remove, "default")
        assert (await client.get(CONFIG_MAPS, ConfigMap, "life", "default")).value.data == {}
        with pytest.raises(Conflict) as other:
            await client.delete(CONFIG_MAPS, "life", "default", uid="another-object")
        assert "does not match the UID in record" in other.value.status.message
        uid = made.value.metadata.uid
        await client.delete(CONFIG_MAPS, "life", "default", uid=uid, dry_run=True)
        await client.delete(CONFIG_MAPS, "life", "default", uid=uid, propagation=Propagation.ORPHAN)
        with pytest.raises(NotFound) as gone:
            await client.delete(CONFIG_MAPS, "life", "default", uid=uid)
        assert gone.value.date is not None

    with_client(config, act)


def test_server_side_apply_names_the_other_manager_and_a_dry_run_writes_nothing(
    config: Path,
) -> None:
    async def act(client: Client) -> None:
        async def apply(value: str, manager: str, *, force: bool = False, dry: bool = False) -> str:
            answer = await client.apply(
                CONFIG_MAPS,
                ConfigMap,
                "applied",
                body("applied", a=value),
                "default",
                manager=manager,
                force=force,
                dry_run=dry,
            )
            return answer.value.data["a"]

        assert await apply("0", "one", dry=True) == "0"
        with pytest.raises(NotFound):
            await client.get(CONFIG_MAPS, ConfigMap, "applied", "default")
        await apply("1", "one")
        with pytest.raises(Conflict, match='conflict with "one"'):
            await apply("2", "two")
        assert await apply("2", "two", force=True) == "2"

    with_client(config, act)


def test_refusals_carry_the_api_servers_own_words_and_fields(
    cluster: LocalCluster, config: Path
) -> None:
    async def as_admin(client: Client) -> None:
        await client.create(CONFIG_MAPS, ConfigMap, body("twice"), "default")
        with pytest.raises(AlreadyExists):
            await client.create(CONFIG_MAPS, ConfigMap, body("twice"), "default")
        with pytest.raises(Invalid) as wrong:
            await client.create(CONFIG_MAPS, ConfigMap, body("Not A Name"), "default")
        details = wrong.value.status.details
        assert details is not None
        assert details.causes[0].field == "metadata.name"
        with pytest.raises(NotFound, match='namespaces "none" not found'):
            await client.create(CONFIG_MAPS, ConfigMap, body("a"), "none")

    async def as_nobody(client: Client) -> None:
        with pytest.raises(Forbidden, match='User "nobody" cannot get resource'):
            await client.get(CONFIG_MAPS, ConfigMap, "x", "default")

    with_client(config, as_admin)
    with_client(cluster.kubeconfig_for("nobody"), as_nobody)


def test_names_that_need_escaping_reach_the_object_that_they_name(config: Path) -> None:
    name = "odd name?x=1#ä&y"

    async def act(client: Client) -> None:
        role = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": name},
            "rules": [],
        }
        await client.create(ROLES, ConfigMap, role, "default")
        found = await client.get(ROLES, ConfigMap, name, "default")
        assert found.value.metadata.name == name

    with_client(config, act)


def test_a_list_comes_whole_in_pages_of_one_version(cluster: LocalCluster, config: Path) -> None:
    cluster.kubectl("create", "namespace", "paged")

    async def act(client: Client) -> None:
        for number in range(7):
            await client.create(CONFIG_MAPS, ConfigMap, body(f"p{number}"), "paged")
        pages = [p async for p in client.pages(CONFIG_MAPS, ConfigMap, "paged", limit=3)]
        versions = {p.value.metadata.resource_version for p in pages}
        names = [o.metadata.name for p in pages for o in p.value.items]
        assert len(pages) == 3
        assert len(versions) == 1
        assert [n for n in names if n.startswith("p")] == [f"p{n}" for n in range(7)]
        whole = await client.list(CONFIG_MAPS, ConfigMap, "paged")
        assert [o.metadata.name for o in whole.value.items] == names

    with_client(config, act)


def test_a_subject_access_review_answers_as_the_authorizer_does(
    cluster: LocalCluster, config: Path
) -> None:
    cluster.kubectl("create", "clusterrole", "cm-reader", "--verb=get", "--resource=configmaps")
    cluster.kubectl(
        "create", "rolebinding", "r", "--clusterrole=cm-reader", "--group=readers", "-n", "default"
    )

    async def act(client: Client) -> None:
        async def may(verb: str, namespace: str) -> bool:
            asked = ResourceAttributes(verb=verb, resource="configmaps", namespace=namespace)
            question = Question(user="jane", groups=("readers",), resource_attributes=asked)
            return (await review(client, question)).value.allowed

        # The authorizer learns of a binding through its own watch, a moment later.
        for _ in range(100):
            if await may("get", "default"):
                break
            await asyncio.sleep(0.05)
        assert await may("get", "default")
        assert not await may("get", "kube-system")
        assert not await may("list", "default")
        url = NonResourceAttributes(verb="get", path="/metrics")
        verdict = await review(client, Question(user="jane", non_resource_attributes=url))
        assert not verdict.value.allowed

    with_client(config, act)


def test_a_requested_token_is_its_accounts_and_says_when_it_ends(
    cluster: LocalCluster, config: Path
) -> None:
    cluster.kubectl("create", "serviceaccount", "asked")

    async def act(client: Client) -> None:
        issued = await issue_token(client, "default", "asked", 600)
        life = issued.value.expiration_timestamp - issued.date
        assert 590 <= life.total_seconds() <= 610
        with pytest.raises(Invalid, match="expirationSeconds"):
            await issue_token(client, "default", "asked", 10)

    with_client(config, act)


def mount(cluster: LocalCluster, directory: Path, token: str) -> InCluster:
    directory.mkdir(exist_ok=True)
    (directory / "token").write_text(token)
    (directory / "ca.crt").write_bytes(cluster.ca.read_bytes())
    host, port = cluster.server.removeprefix("https://").split(":")
    environment = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    return InCluster(environment, directory)


def test_tokens_that_rotate_under_load_fail_no_request(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    cluster.kubectl("create", "namespace", "rotating")
    accounts = [f"system:serviceaccount:rotating:a{number}" for number in range(4)]
    tokens = []
    for number in range(4):
        cluster.kubectl("create", "serviceaccount", f"a{number}", "-n", "rotating")
        tokens.append(cluster.service_account_token("rotating", f"a{number}"))
    source = mount(cluster, tmp_path / "mounted", tokens[0])
    reviews = Resource("authentication.k8s.io", "v1", "selfsubjectreviews", namespaced=False)
    seen: set[str] = set()

    async def ask(client: Client) -> None:
        for _ in range(40):
            answer = await client.create(
                reviews,
                dict,
                {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"},
            )
            seen.add(answer.value["status"]["userInfo"]["username"])

    async def rotate() -> None:
        for number in range(1, 40):
            fresh = tmp_path / "mounted" / "token.new"
            fresh.write_text(tokens[number % 4])
            fresh.replace(tmp_path / "mounted" / "token")
            await asyncio.sleep(0.01)

    async def run() -> None:
        async with Client(source) as client:
            await asyncio.gather(*(ask(client) for _ in range(8)), rotate())

    asyncio.run(run())
    assert seen <= set(accounts)
    assert len(seen) > 1


def test_an_account_that_is_gone_is_unauthorized_and_says_so(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    async def run() -> None:
        async with Client(mount(cluster, tmp_path / "mounted", "not.a.token")) as client:
            with pytest.raises(Unauthorized):
                await client.get(CONFIG_MAPS, ConfigMap, "x", "default")

    asyncio.run(run())


def test_missing_in_cluster_files_name_the_directory_and_the_likely_cause(tmp_path: Path) -> None:
    with pytest.raises(CredentialFault, match="this is not a pod"):
        InCluster({})
    here = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}
    with pytest.raises(CredentialFault, match="automountServiceAccountToken"):
        asyncio.run(InCluster(here, tmp_path).current())


def test_an_exec_plugin_is_asked_and_asked_again_when_its_token_is_refused(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    cluster.kubectl("create", "serviceaccount", "plugged")
    token = cluster.service_account_token("default", "plugged")
    plugin = tmp_path / "plugin"
    plugin.write_text(
        "#!/bin/sh\n"
        f"if [ -e {tmp_path}/asked ]; then token={token}; else token=stale; fi\n"
        f"touch {tmp_path}/asked\n"
        'echo \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",'
        '"status":{"token":"\'$token\'"}}\'\n'
    )
    plugin.chmod(0o755)
    written = json.loads(cluster.kubeconfig.read_text())
    written["users"][0]["user"] = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(plugin),
            "interactiveMode": "Never",
        }
    }
    path = tmp_path / "config"
    path.write_text(json.dumps(written))

    async def act(client: Client) -> None:
        with pytest.raises(Forbidden, match="system:serviceaccount:default:plugged"):
            await client.get(CONFIG_MAPS, ConfigMap, "x", "default")

    with_client(path, act)


def test_an_exec_plugin_that_fails_never_makes_us_anonymous(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    written = json.loads(cluster.kubeconfig.read_text())
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/false"}
    written["users"][0]["user"] = {"exec": plugin | {"interactiveMode": "Never"}}
    path = tmp_path / "config"
    path.write_text(json.dumps(written))
    with pytest.raises(CredentialFault, match="does its exec plugin work"):
        asyncio.run(Kubeconfig(path).current())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"server": "http://127.0.0.1:1"}, "is not https"),
        ({"insecure-skip-tls-verify": True}, "give certificate-authority-data instead"),
        ({"certificate-authority-data": "bm90IGEgY2VydA=="}, "cannot be used"),
    ],
)
def test_a_kubeconfig_that_would_be_unsafe_is_refused_with_the_cure(
    cluster: LocalCluster, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    written = json.loads(cluster.kubeconfig.read_text())
    written["clusters"][0]["cluster"] |= change
    if "insecure-skip-tls-verify" in change:
        del written["clusters"][0]["cluster"]["certificate-authority-data"]
    path = tmp_path / "config"
    path.write_text(json.dumps(written))
    with pytest.raises(CredentialFault, match=words):
        asyncio.run(Kubeconfig(path).current())


def test_a_certificate_of_another_authority_is_refused_in_words_and_nothing_is_sent(
    cluster: LocalCluster,
) -> None:
    with temporary() as other:

        class Mixed:
            async def current(self, *, refresh: bool = False) -> Credentials:
                del refresh
                tls = ssl.create_default_context(cafile=other.ca)
                return Credentials(cluster.server, tls, "the other authority", "a-secret")

        async def run() -> None:
            async with Client(Mixed()) as client:
                with pytest.raises(Untrusted) as caught:
                    await client.get(CONFIG_MAPS, ConfigMap, "x", "default")
            text = str(caught.value)
            assert cluster.server in text
            assert "the other authority" in text
            assert "nothing was sent" in text

        asyncio.run(run())


def test_an_overloaded_api_server_is_waited_for_as_long_as_it_asks() -> None:
    with temporary() as small:
        small.restart(
            "kube-apiserver",
            "--enable-priority-and-fairness=false",
            "--max-mutating-requests-inflight=1",
            "--max-requests-inflight=1",
        )
        overloads: list[float] = []

        async def note(pause: float) -> None:
            overloads.append(pause)
            await asyncio.sleep(pause)

        async def run() -> None:
            config = Kubeconfig(small.kubeconfig_for("nobody", ("system:authenticated",)))
            async with Client(config, sleep=note, deadline=120) as client:
                names = [f"x{number}" for number in range(40)]
                calls = [client.get(CONFIG_MAPS, ConfigMap, name, "default") for name in names]
                answers = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(answer) for answer in answers} == {Forbidden}

        for _ in range(10):
            asyncio.run(run())
            if overloads:
                break
        assert overloads
        assert min(overloads) >= 1


def test_a_paused_api_server_ends_a_call_in_words_instead_of_hanging() -> None:
    with temporary() as paused:

        async def run() -> None:
            source = Kubeconfig(paused.kubeconfig)
            transport = Transport(source, patience=1, connect=1)
            async with Client(source, transport=transport, deadline=2) as client:
                await client.list(CONFIG_MAPS, ConfigMap)
                paused.pause("kube-apiserver")
                with pytest.raises(Unreachable):
                    await client.create(CONFIG_MAPS, ConfigMap, body("never"), "default")
                with pytest.raises(Unreachable):
                    await client.list(CONFIG_MAPS, ConfigMap)
                paused.resume("kube-apiserver")

        asyncio.run(run())
