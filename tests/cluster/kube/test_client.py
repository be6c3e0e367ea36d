"""The client's verbs, against a real API server, as real users."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from curfew.objects.meta import ObjectMeta
from curfew.objects.resource import Resource
from curfew_kube.client import Client, PatchOperation, Propagation
from curfew_kube.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Unreachable,
)
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
        # Not ORPHAN: then the garbage collector takes the object away, whenever it comes round.
        background = Propagation.BACKGROUND
        await client.delete(CONFIG_MAPS, "life", "default", uid=uid, propagation=background)
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


def test_a_refusal_of_many_causes_is_read_whole(config: Path) -> None:
    async def act(client: Client) -> None:
        wrong = body("many") | {"data": {f"not a key {n}": "" for n in range(300)}}
        with pytest.raises(Invalid) as caught:
            await client.create(CONFIG_MAPS, ConfigMap, wrong, "default")
        details = caught.value.status.details
        assert details is not None
        assert len(details.causes) == 300

    with_client(config, act)


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


async def _answers_again(client: Client) -> None:
    for _ in range(20):
        with contextlib.suppress(Unreachable):
            await client.list(CONFIG_MAPS, ConfigMap)
            return
    raise AssertionError("it did not answer again")


@asynccontextmanager
async def _paused_under(
    cluster: LocalCluster,
    deadline: float = 30.0,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[Client]:
    """A client that has a connection to an API server which was paused just now."""
    source = Kubeconfig(cluster.kubeconfig)
    transport = Transport(source, patience=1, connect=1)
    async with Client(source, transport=transport, deadline=deadline, sleep=sleep) as client:
        await client.list(CONFIG_MAPS, ConfigMap)
        cluster.pause("kube-apiserver")
        yield client


def test_a_paused_api_server_ends_a_call_in_words_instead_of_hanging() -> None:
    with temporary() as paused:

        async def run() -> None:
            async with _paused_under(paused, deadline=2) as client:
                with pytest.raises(Unreachable):
                    await client.create(CONFIG_MAPS, ConfigMap, body("never"), "default")
                with pytest.raises(Unreachable):
                    await client.list(CONFIG_MAPS, ConfigMap)
                paused.resume("kube-apiserver")
                await _answers_again(client)

        asyncio.run(run())


def test_closing_the_client_leaves_no_connection_open_to_a_server_that_is_paused() -> None:
    with temporary() as paused:

        async def run() -> None:
            async with _paused_under(paused, deadline=2) as client:
                with pytest.raises(Unreachable):
                    await client.create(CONFIG_MAPS, ConfigMap, body("never"), "default")

        asyncio.run(run())
        gc.collect()  # an open connection warns when it is collected, and a warning is a failure
        paused.resume("kube-apiserver")


def test_an_apply_without_an_answer_is_not_repeated_since_a_delete_may_have_followed_it() -> None:
    with temporary() as paused:
        pauses: list[float] = []

        async def note(pause: float) -> None:
            pauses.append(pause)

        async def run() -> None:
            async with _paused_under(paused, sleep=note) as client:
                wanted = body("once")
                with pytest.raises(Unreachable) as caught:
                    await client.apply(
                        CONFIG_MAPS, ConfigMap, "once", wanted, "default", manager="m"
                    )
                assert caught.value.sent
                assert pauses == []
                paused.resume("kube-apiserver")
                await _answers_again(client)

        asyncio.run(run())
