"""The cluster, as the person's kubeconfig reaches it, and the few calls that the commands make."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from curfew.access.api import ACCESS_POLICIES, ACCESS_REQUESTS, AccessPolicy, AccessRequest
from curfew_cli.errors import Failed
from curfew_kube.client import Client, PatchOperation
from curfew_kube.errors import NotFound
from curfew_kube.kubeconfig import Kubeconfig
from curfew_kube.reviews import ResourceAttributes, review_self

_LOOK_EVERY = 0.2


class Session:
    """One command's calls. `source` knows the context's namespace."""

    def __init__(self, client: Client, source: Kubeconfig) -> None:
        self._client = client
        self.source = source

    async def create(self, body: object) -> AccessRequest:
        """Create a request; raises KubeError."""
        return (await self._client.create(ACCESS_REQUESTS, AccessRequest, body)).value

    async def request(self, name: str) -> AccessRequest:
        """Read one request; raises Failed where there is none."""
        try:
            return (await self._client.get(ACCESS_REQUESTS, AccessRequest, name)).value
        except NotFound:
            raise Failed(f"there is no access request {name}, or it is gone") from None

    async def requests(self) -> tuple[AccessRequest, ...]:
        """Every request; raises Forbidden for who may not list."""
        return (await self._client.list(ACCESS_REQUESTS, AccessRequest)).value.items

    async def policies(self) -> tuple[AccessPolicy, ...]:
        """Every policy."""
        return (await self._client.list(ACCESS_POLICIES, AccessPolicy)).value.items

    async def cancel(self, name: str) -> None:
        """Ask for the access to be taken back now."""
        steps = [PatchOperation("add", "/spec/cancel", value=True)]
        await self._client.json_patch(ACCESS_REQUESTS, AccessRequest, name, steps)

    async def until(
        self, name: str, done: Callable[[AccessRequest], bool], patience: float
    ) -> AccessRequest:
        """Look until it is so, or `patience` seconds are over; returns the last look."""
        found = await self.request(name)
        for _ in range(round(patience / _LOOK_EVERY)):
            if done(found):
                break
            await asyncio.sleep(_LOOK_EVERY)
            found = await self.request(name)
        return found

    async def may_ask(self, policy: str) -> bool:
        """Whether this person holds the verb `request` on a policy."""
        attributes = ResourceAttributes(
            group=ACCESS_POLICIES.group,
            resource=ACCESS_POLICIES.plural,
            name=policy,
            verb="request",
        )
        return (await review_self(self._client, attributes)).value.allowed


@asynccontextmanager
async def connect(options: argparse.Namespace) -> AsyncIterator[Session]:
    """A session with the cluster that the options and the kubeconfig name."""
    source = Kubeconfig(options.kubeconfig, options.context)
    async with Client(source, deadline=10.0) as client:
        yield Session(client, source)
