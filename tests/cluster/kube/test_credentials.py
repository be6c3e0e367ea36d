"""Who we are, and whom we trust: rotated, refused, and never guessed."""

import asyncio
import json
import ssl
from pathlib import Path

import msgspec
import pytest

from curfew.objects.meta import ObjectMeta
from curfew.objects.resource import Resource
from curfew_kube.client import Client
from curfew_kube.credentials import Credentials
from curfew_kube.errors import CredentialFault, Forbidden, Unauthorized, Unreachable, Untrusted
from curfew_kube.in_cluster import InCluster
from curfew_kube.kubeconfig import Kubeconfig
from localcluster import LocalCluster, temporary

CONFIG_MAPS = Resource("", "v1", "configmaps", namespaced=True)


class ConfigMap(msgspec.Struct, frozen=True):
    """A ConfigMap as these tests read it."""

    metadata: ObjectMeta


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

    async def run() -> None:
        async with Client(Kubeconfig(path)) as client:
            with pytest.raises(Forbidden, match="system:serviceaccount:default:plugged"):
                await client.get(CONFIG_MAPS, ConfigMap, "x", "default")

    asyncio.run(run())


def test_many_calls_that_are_refused_at_once_ask_the_plugin_once_more(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text(
        "#!/bin/sh\n"
        f"echo >>{tmp_path}/asked\n"
        'echo \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",'
        '"status":{"token":"stale"}}\'\n'
    )
    plugin.chmod(0o755)
    written = json.loads(cluster.kubeconfig.read_text())
    spec = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}
    written["users"][0]["user"] = {"exec": spec | {"interactiveMode": "Never"}}
    path = tmp_path / "config"
    path.write_text(json.dumps(written))

    async def run() -> None:
        async with Client(Kubeconfig(path)) as client:
            calls = [client.get(CONFIG_MAPS, ConfigMap, "x", "default") for _ in range(10)]
            answers = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(answer) for answer in answers} == {Unauthorized}

    asyncio.run(run())
    assert (tmp_path / "asked").read_text().count("\n") == 2


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


def test_the_name_in_the_certificate_may_be_another_than_the_address_and_is_checked(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    async def run(name: str) -> None:
        written = json.loads(cluster.kubeconfig.read_text())
        written["clusters"][0]["cluster"]["tls-server-name"] = name
        path = tmp_path / "config"
        path.write_text(json.dumps(written))
        async with Client(Kubeconfig(path)) as client:
            await client.list(CONFIG_MAPS, ConfigMap)

    asyncio.run(run("kubernetes.default.svc"))
    with pytest.raises(Untrusted, match=r"other\.example"):
        asyncio.run(run("other.example"))


def test_a_proxy_on_the_way_is_used_and_named_when_it_is_away(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    written = json.loads(cluster.kubeconfig.read_text())
    written["clusters"][0]["cluster"]["proxy-url"] = "http://127.0.0.1:1"
    path = tmp_path / "config"
    path.write_text(json.dumps(written))

    async def run() -> None:
        async with Client(Kubeconfig(path), deadline=1) as client:
            with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1 ") as caught:
                await client.list(CONFIG_MAPS, ConfigMap)
        assert not caught.value.sent

    asyncio.run(run())


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


def test_a_kubeconfig_that_impersonates_is_refused_instead_of_acting_as_the_person_behind_it(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    written = json.loads(cluster.kubeconfig.read_text())
    written["users"][0]["user"] |= {"as": "dana"}
    path = tmp_path / "config"
    path.write_text(json.dumps(written))
    with pytest.raises(CredentialFault, match=r"sets as \(impersonation\), which is not supported"):
        asyncio.run(Kubeconfig(path).current())


def test_a_certificate_of_another_authority_is_refused_in_words_and_nothing_is_sent(
    cluster: LocalCluster,
) -> None:
    with temporary() as other:

        class Mixed:
            async def current(self, *, refused: Credentials | None = None) -> Credentials:
                del refused
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
