"""RoleBindings listed and watched: our client against `kubernetes.aio`.

Each round starts a fresh process for each client, in turn. It lists all bindings in pages of 500,
keeps them, and watches until it has seen every change that the bench makes. CPU is the process's
own (user and system) from before the list; memory is its highest resident size less the one before
the list. Imports are done before either. Theirs keeps its model objects, ours its structs.
"""

import argparse
import asyncio
import importlib
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from curfew.objects.meta import ObjectMeta
from curfew.objects.resource import Resource
from curfew_kube.client import Client, PatchOperation
from curfew_kube.kubeconfig import Kubeconfig
from curfew_kube.mirror import Added, Modified
from curfew_kube.watching import Follower, Synced
from localcluster import temporary

BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", namespaced=True)
NAMESPACE = "bench"
THEIR_MODULES = ("kubernetes.aio", "kubernetes.aio.watch")
MEBIBYTE = 1024 * 1024
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class Subject(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Who is bound."""

    kind: str
    name: str
    namespace: str = ""


class RoleRef(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What is bound."""

    kind: str
    name: str


class RoleBinding(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A RoleBinding with all that Curfew reads of it."""

    metadata: ObjectMeta
    role_ref: RoleRef
    subjects: tuple[Subject, ...] = ()


def body(number: int) -> dict[str, object]:
    """Build a binding with three subjects and the labels that tools leave."""
    group = "rbac.authorization.k8s.io"
    users = [{"kind": "User", "name": f"user-{number}-{n}", "apiGroup": group} for n in range(3)]
    labels = {"app.kubernetes.io/name": "bench", "app.kubernetes.io/instance": f"i{number}"}
    return {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"b{number}", "labels": labels},
        "roleRef": {"kind": "ClusterRole", "name": "view", "apiGroup": group},
        "subjects": users,
    }


async def fill(config: Path, count: int) -> None:
    """Create the bindings, 32 at a time."""
    async with Client(Kubeconfig(config)) as client:
        for start in range(0, count, 32):
            numbers = range(start, min(start + 32, count))
            made = (client.create(BINDINGS, RoleBinding, body(n), NAMESPACE) for n in numbers)
            await asyncio.gather(*made)


async def change(config: Path, count: int, stamp: int) -> None:
    """Label the first bindings, so that each gives one event."""
    step = [PatchOperation("add", "/metadata/labels/round", str(stamp))]
    async with Client(Kubeconfig(config)) as client:
        for start in range(0, count, 32):
            names = [f"b{n}" for n in range(start, min(start + 32, count))]
            patches = (
                client.json_patch(BINDINGS, RoleBinding, name, step, NAMESPACE) for name in names
            )
            await asyncio.gather(*patches)


async def ours(config: Path, count: int, changes: int) -> None:
    """List and watch with Curfew's client."""
    kept: dict[str, RoleBinding] = {}
    seen = 0
    async with Client(Kubeconfig(config)) as client:
        follower = Follower(client, BINDINGS, RoleBinding, NAMESPACE)
        async with aclosing(follower.follow()) as told:
            async for change in told:
                match change:
                    case Synced():
                        assert len(kept) == count  # noqa: S101 - a bench of less is no bench
                        print("synced", flush=True)
                    case Added(object=item):
                        kept[item.metadata.name] = item
                    case Modified(object=item):
                        kept[item.metadata.name] = item
                        seen += 1
                if seen == changes:
                    return


async def theirs(config: Path, count: int, changes: int) -> None:
    """List and watch with kubernetes.aio."""
    aio, watching = (importlib.import_module(name) for name in THEIR_MODULES)
    await aio.config.load_kube_config(str(config))
    kept: dict[str, Any] = {}
    seen = 0
    async with aio.client.ApiClient() as api:
        rbac = aio.client.RbacAuthorizationV1Api(api)
        token: str | None = None
        while True:
            page = await rbac.list_namespaced_role_binding(NAMESPACE, limit=500, _continue=token)
            kept |= {item.metadata.name: item for item in page.items}
            token = page.metadata._continue  # noqa: SLF001 - the package names the field so
            if not token:
                break
        assert len(kept) == count  # noqa: S101 - a bench of less is no bench
        print("synced", flush=True)
        version = page.metadata.resource_version
        async with watching.Watch() as watch:
            stream = watch.stream(
                rbac.list_namespaced_role_binding, NAMESPACE, resource_version=version
            )
            async for event in stream:
                item = event["object"]
                kept[item.metadata.name] = item
                seen += 1
                if seen == changes:
                    return


def measure(act: Callable[[], Awaitable[None]]) -> None:
    """Run in this process and print what it took."""
    resident = psutil.Process().memory_info().rss
    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    asyncio.run(act())  # type: ignore[arg-type] # every act is a coroutine
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    memory = (after.ru_maxrss * RSS_UNIT - resident) / MEBIBYTE
    print(json.dumps({"cpu": cpu, "memory": memory, "wall": wall}), flush=True)


def one_round(who: str, config: Path, count: int, changes: int, stamp: int) -> dict[str, float]:
    """Measure one client in a process of its own."""
    numbers = [str(count), str(changes)]
    command = [sys.executable, __file__, "--measure", who, "--config", str(config), *numbers]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None or process.stdout.readline() != "synced\n":
            raise SystemExit(f"{who} did not list")
        asyncio.run(change(config, changes, stamp))
        figures: dict[str, float] = json.loads(process.stdout.readline())
    return figures


def main() -> None:
    """Fill a cluster, measure in turn, print medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=10_000, help="RoleBindings")
    parser.add_argument("changes", nargs="?", type=int, default=1_000, help="changes watched")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    parser.add_argument("--config", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure is not None:
        if asked.measure == "theirs":
            for name in THEIR_MODULES:
                importlib.import_module(name)
        client = ours if asked.measure == "ours" else theirs
        measure(lambda: client(asked.config, asked.count, asked.changes))
        return
    figures: dict[str, list[dict[str, float]]] = {"ours": [], "theirs": []}
    with temporary() as cluster:
        cluster.kubectl("create", "namespace", NAMESPACE)
        asyncio.run(fill(cluster.kubeconfig, asked.count))
        for stamp in range(asked.rounds * 2):
            who = ("ours", "theirs")[stamp % 2]
            figures[who].append(
                one_round(who, cluster.kubeconfig, asked.count, asked.changes, stamp)
            )
    print(f"{asked.count} RoleBindings listed, {asked.changes} changes watched")
    print(f"{'':12}{'curfew_kube':>14}{'kubernetes.aio':>16}{'ratio':>8}")
    for name, unit in (("cpu", "s"), ("memory", "MiB"), ("wall", "s")):
        mine, other = (
            statistics.median(one[name] for one in figures[who]) for who in ("ours", "theirs")
        )
        print(f"{name:7}{unit:5}{mine:14.2f}{other:16.2f}{mine / other:8.3f}")


if __name__ == "__main__":
    main()
