"""kopf's part: it watches our kinds, and each event is a nudge; no decision rides on it.

An explicit registry, and `on.event` only: kopf then writes nothing onto any object. What an event
that never came would have nudged, the sweep finds.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import kopf

from curfew.objects.resource import Resource
from curfew_kube.credentials import CredentialSource

_LOG = logging.getLogger("curfew.operator")
_AGAIN_AFTER = 5.0

Nudge = Callable[[str], Awaitable[None]]


def registry(
    source: CredentialSource, ca: str, nudges: Mapping[Resource, Nudge]
) -> kopf.OperatorRegistry:
    """What kopf is to do: log in as we do, and nudge. `ca` is the path of the authority's file."""
    found = kopf.OperatorRegistry()

    @kopf.on.login(registry=found)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        credentials = await source.current()
        return kopf.ConnectionInfo(
            server=credentials.server, ca_path=ca, scheme="Bearer", token=credentials.token
        )

    for resource, nudge in nudges.items():
        _watch(found, resource, nudge)
    return found


def _watch(found: kopf.OperatorRegistry, resource: Resource, nudge: Nudge) -> None:
    @kopf.on.event(resource.group, resource.version, resource.plural, registry=found)
    async def event(name: str | None, **_: Any) -> None:
        if name:
            await nudge(name)


async def watch(found: kopf.OperatorRegistry) -> None:
    """Run kopf for ever, and again when it gives up: the sweep goes on meanwhile."""
    while True:
        try:
            await kopf.operator(
                registry=found, settings=_settings(), clusterwide=True, standalone=True
            )
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, it is started again
            _LOG.warning("the watch of our kinds ended, and is begun again: %s", error)
        await asyncio.sleep(_AGAIN_AFTER)


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.queueing.idle_timeout = 0.05
    settings.networking.error_backoffs = (0.2, 0.5, 1, 2, 5, 10)
    settings.watching.server_timeout = 240
    settings.watching.client_timeout = 300
    settings.watching.connect_timeout = 5
    return settings
