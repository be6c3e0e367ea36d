"""`python -m curfew_operator`: wire everything together, and work until told to stop."""

import argparse
import asyncio
import logging
import os
import random
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from curfew.access.api import ACCESS_POLICIES, ACCESS_REQUESTS
from curfew.access.lendable import Fence, Lendable
from curfew_kube.client import Client
from curfew_kube.in_cluster import InCluster
from curfew_kube.transport import Transport
from curfew_operator import events, health
from curfew_operator.clock import ServerClock
from curfew_operator.cluster import Cluster
from curfew_operator.keeper import Keeper
from curfew_operator.metrics import Metrics
from curfew_operator.policies import PolicyReconciler
from curfew_operator.reconcile import Reconciler
from curfew_operator.sweep import Sweep
from curfew_operator.work import Work

_PATIENCE = 5.0  # for one call; whoever called tries again, and says meanwhile that it is away


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="curfew_operator", description=__doc__)
    parser.add_argument("--address", required=True, help="the address to listen on")
    parser.add_argument("--health-port", type=int, required=True, help="probes and metrics, plain")
    parser.add_argument("--namespace", required=True, help="where Curfew is installed")
    parser.add_argument("--service-account", type=Path, required=True, help="token and ca.crt")
    parser.add_argument("--lendable", default="[]", help="what may be lent, as JSON (chart value)")
    return parser.parse_args()


async def _run(options: argparse.Namespace) -> None:
    entries = msgspec.json.decode(options.lendable, type=tuple[Lendable, ...])
    fence = Fence(entries, options.namespace)
    source = InCluster(os.environ, options.service_account)
    clock, metrics = ServerClock(time.monotonic), Metrics()
    transport = Transport(source, on_date=clock.see)
    async with Client(source, transport=transport, deadline=_PATIENCE) as client:
        cluster = Cluster(client)
        reconciler = Reconciler(cluster, clock, fence)
        policies = PolicyReconciler(cluster, clock, fence)
        work = Work(reconciler.reconcile, clock, metrics, random.random)
        sweep = Sweep(cluster, clock, metrics, end=reconciler.end, nudge=work.nudge)
        keeper = Keeper(client, options.namespace, metrics, _wall_clock)
        nudges = {ACCESS_REQUESTS: work.nudge, ACCESS_POLICIES: policies.look_at}
        registry = events.registry(source, str(options.service_account / "ca.crt"), nudges)
        serving = await health.serve(sweep, metrics, options.address, options.health_port)
        watching = events.watch(registry)
        parts = [work.run(), sweep.run(), policies.run(), keeper.run(), watching]
        try:
            await _until_told_to_stop([asyncio.create_task(part) for part in parts])
        finally:
            await serving.cleanup()


async def _until_told_to_stop(tasks: list["asyncio.Task[None]"]) -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    waiting: asyncio.Task[Any] = asyncio.create_task(told.wait())
    done, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=5)
    for task in done - {waiting}:
        task.result()  # whatever ended by itself did so by an error, and this raises it
        raise RuntimeError("a part of the operator ended by itself")


def _wall_clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - certificates are judged by it, as every TLS peer does


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("kopf").setLevel(logging.WARNING)
    asyncio.run(_run(_options()))
