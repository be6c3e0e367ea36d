"""`python -m curfew_operator.drain`: take everything back before Curfew is uninstalled.

Deletes every lent binding, and waits until the operator, which still runs, has proved the end of
each request. What nobody would end any more must not be left behind.
"""

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

from curfew.access.lifecycle import ENDS
from curfew_kube.client import Client
from curfew_kube.errors import KubeError
from curfew_kube.in_cluster import InCluster
from curfew_operator.cluster import Cluster

_LOG = logging.getLogger("curfew.drain")
_AGAIN = 0.5


async def drain(cluster: Cluster, patience: float) -> list[str]:
    """Take back what is lent; returns the requests that have not ended after `patience` seconds."""
    open_requests: list[str] = []
    for _ in range(max(1, round(patience / _AGAIN))):
        for binding in await cluster.lent_bindings():
            await cluster.delete(binding)
            _LOG.info(
                "deleted RoleBinding %s/%s", binding.metadata.namespace, binding.metadata.name
            )
        open_requests = [
            request.metadata.name
            for request in await cluster.requests()
            if request.status.phase not in ENDS
        ]
        if not open_requests and not await cluster.lent_bindings():
            return []
        await asyncio.sleep(_AGAIN)
    return open_requests


async def _run(options: argparse.Namespace) -> int:
    async with Client(InCluster(os.environ, options.service_account)) as client:
        try:
            left = await drain(Cluster(client), options.patience)
        except KubeError as error:
            _LOG.error("could not take everything back: %s", error)
            return 1
    if left:
        _LOG.error("these have not ended; does the operator run? %s", ", ".join(left[:10]))
        return 1
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    parser = argparse.ArgumentParser(prog="curfew_operator.drain", description=__doc__)
    parser.add_argument("--service-account", type=Path, required=True, help="token and ca.crt")
    parser.add_argument(
        "--patience", type=float, default=60.0, help="seconds to wait for the proofs"
    )
    sys.exit(asyncio.run(_run(parser.parse_args())))
