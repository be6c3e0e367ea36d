"""Following a real API server, where nothing breaks."""

import asyncio
from contextlib import aclosing

import msgspec

from curfew.objects.meta import ObjectMeta
from curfew.objects.resource import Resource
from curfew_kube.client import Client
from curfew_kube.kubeconfig import Kubeconfig
from curfew_kube.mirror import Added
from curfew_kube.watching import Follower, Synced
from localcluster import LocalCluster

CONFIG_MAPS = Resource("", "v1", "configmaps", namespaced=True)


class ConfigMap(msgspec.Struct, frozen=True):
    """A ConfigMap as this test reads it."""

    metadata: ObjectMeta
    data: dict[str, str] = {}


def test_an_object_of_a_megabyte_comes_through_a_watch(cluster: LocalCluster) -> None:
    cluster.kubectl("create", "namespace", "large")
    text = "x" * 1_000_000
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "large"},
        "data": {"a": text},
    }

    async def run() -> None:
        async with Client(Kubeconfig(cluster.kubeconfig)) as client:
            follower = Follower(client, CONFIG_MAPS, ConfigMap, "large")
            async with aclosing(follower.follow()) as told, asyncio.timeout(60):
                async for change in told:
                    if isinstance(change, Synced):
                        await client.create(CONFIG_MAPS, ConfigMap, body, "large")
                    if isinstance(change, Added) and change.object.metadata.name == "large":
                        assert change.object.data == {"a": text}
                        return

    asyncio.run(run())
