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

from curfew.access.lifecycle import Phase
from curfew_kube.client import Client
from curfew_kube.errors import KubeError
from curfew_kube.in_cluster import InCluster
from curfew_operator.cluster import Cluster

_LOG = logging.getLogger("curfew.drain")
_AGAIN = 0.5
_HOLDING = (Phase.GRANTING, Phase.ACTIVE, Phase.REVOKING)


async def drain(cluster: Cluster, patience: float) -> list[str]:
    """Take back what is lent; returns what is left of it after `patience` seconds.

    A request that is Pending holds nothing, and waits for nobody.
    """
    left: list[str] = []
    for _ in range(max(1, round(patience / _AGAIN))):
        for binding in await cluster.lent_bindings():
            await cluster.delete(binding)
        requests = await cluster.requests()
        left = [
            f"AccessRequest {request.metadata.name} ({request.status.phase.value})"
            for request in requests
            if request.status.phase in _HOLDING
        ]
        left += [
            f"RoleBinding {binding.metadata.namespace}/{binding.metadata.name}"
            for binding in await cluster.lent_bindings()
        ]
        if not left:
            return []
        await asyncio.sleep(_AGAIN)
    return left


async def _run(options: argparse.Namespace) -> int:
    async with Client(InCluster(os.environ, options.service_account)) as client:
        try:
            left = await drain(Cluster(client), options.patience)
        except KubeError as error:
            _LOG.error("could not take everything back: %s", error)
            return 1
    if left:
        _LOG.error("still there; does the operator run? %s", ", ".join(left[:10]))
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
