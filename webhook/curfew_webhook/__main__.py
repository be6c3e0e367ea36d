"""`python -m curfew_webhook`: wire everything together, serve, and leave politely."""

import argparse
import asyncio
import logging
import os
import secrets
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

from curfew_kube.client import Client
from curfew_kube.in_cluster import InCluster
from curfew_webhook import holders, roles
from curfew_webhook.app import health, reviews
from curfew_webhook.certificate import ServingCertificate
from curfew_webhook.freshness import Freshness
from curfew_webhook.handling import Handler
from curfew_webhook.holders import Holders
from curfew_webhook.metrics import Metrics
from curfew_webhook.readiness import Readiness
from curfew_webhook.roles import RoleCache
from curfew_webhook.serving import Server, server

_SECRET = "curfew-webhook-tls"  # noqa: S105 - the name of a Secret, not a secret


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="curfew_webhook", description=__doc__)
    parser.add_argument("--address", required=True, help="the address to listen on")
    parser.add_argument("--port", type=int, required=True, help="for the API server, TLS")
    parser.add_argument("--health-port", type=int, required=True, help="probes and metrics, plain")
    parser.add_argument("--namespace", required=True, help="where Curfew is installed")
    parser.add_argument("--service-account", type=Path, required=True, help="token and ca.crt")
    parser.add_argument(
        "--drain-seconds", type=float, default=15.0, help="how long to serve on after SIGTERM"
    )
    return parser.parse_args()


async def _run(options: argparse.Namespace) -> None:
    metrics = Metrics()
    async with Client(InCluster(os.environ, options.service_account)) as client:
        freshness = Freshness((*roles.FOLLOWED, *holders.FOLLOWED), metrics)
        cache = RoleCache(client, freshness, metrics)
        accounts = Holders(client, cache, freshness)
        certificate = ServingCertificate(client, options.namespace, _SECRET, _wall_clock)
        handler = Handler(
            cache,
            accounts,
            metrics,
            operator=f"system:serviceaccount:{options.namespace}:curfew-operator",
            incident=lambda: secrets.token_hex(4),
        )
        readiness = Readiness(freshness, certificate, metrics, options.address, options.port)
        at, tls = options.address, certificate.context
        servers = [
            server(reviews(handler), at, options.port, tls),
            server(health(metrics, readiness.faults), at, options.health_port),
        ]
        work = [cache.follow(), accounts.follow(), certificate.keep(), readiness.watch()]
        tasks = [asyncio.create_task(part) for part in work]
        serving = [asyncio.create_task(one.serve()) for one in servers]
        try:
            await _until_told_to_stop([*tasks, *serving])
            readiness.stopping = True
            await asyncio.sleep(options.drain_seconds)
        finally:
            await _close(servers, serving, tasks)


async def _until_told_to_stop(tasks: list["asyncio.Task[None]"]) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    waiting: asyncio.Task[Any] = asyncio.create_task(told.wait())
    done, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in done - {waiting}:
        task.result()  # whatever ended by itself did so by an error, and this raises it
        raise RuntimeError("a part of the webhook ended by itself")


async def _close(
    servers: list[Server],
    serving: list["asyncio.Task[None]"],
    tasks: list["asyncio.Task[None]"],
) -> None:
    for one in servers:
        one.should_exit = True
    await asyncio.wait(serving, timeout=5)
    for task in (*tasks, *serving):
        task.cancel()
    await asyncio.gather(*tasks, *serving, return_exceptions=True)


def _wall_clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - certificates are judged by it, as every TLS peer does


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    uvloop.run(_run(_options()))
