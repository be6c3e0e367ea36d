"""The certificate keeper: the webhook's certificate, who the API server trusts, and the arming.

In this order, so that it may be ended at any step: first both the old and the new authority are
trusted, then the new certificate is put where the replicas read it. The guard is set to Fail once
its replicas are ready and a real call came through; nothing here ever sets it back.
"""

import asyncio
import base64
import logging
from collections.abc import Callable
from datetime import datetime

import msgspec

from curfew.admission import probe
from curfew.objects.meta import FullMeta
from curfew.objects.resource import Resource
from curfew_kube.client import Client, PatchOperation
from curfew_kube.errors import Forbidden, KubeError, NotFound
from curfew_operator.metrics import Metrics
from curfew_operator.pair import Pair, first_certificate, is_fresh, new_pair

_LOG = logging.getLogger("curfew.operator")
_GROUP = "admissionregistration.k8s.io"
_VALIDATING = Resource(_GROUP, "v1", "validatingwebhookconfigurations", namespaced=False)
_MUTATING = Resource(_GROUP, "v1", "mutatingwebhookconfigurations", namespaced=False)
_SECRETS = Resource("", "v1", "secrets", namespaced=True)
_CONFIG_MAPS = Resource("", "v1", "configmaps", namespaced=True)
_DEPLOYMENTS = Resource("apps", "v1", "deployments", namespaced=True)
_CONFIGURATION = "curfew"
_GUARD = "rbac-guard-see-runbook.curfew.dev"
_SECRET = "curfew-webhook-tls"  # noqa: S105 - the name of a Secret, not a secret
_DEPLOYMENT = "curfew-webhook"
_EVERY = 10.0
_UNARMED_EVERY = 1.0


class _Anything(msgspec.Struct, frozen=True):
    metadata: FullMeta


class _Secret(msgspec.Struct, frozen=True):
    metadata: FullMeta
    data: dict[str, str] | None = None


class _ClientConfig(msgspec.Struct, frozen=True, rename="camel"):
    ca_bundle: str = msgspec.field(default="", name="caBundle")


class _Entry(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    client_config: _ClientConfig
    failure_policy: str = ""


class _Configuration(msgspec.Struct, frozen=True):
    metadata: FullMeta
    webhooks: tuple[_Entry, ...] = ()


class _Replicas(msgspec.Struct, frozen=True, rename="camel"):
    replicas: int = 0
    observed_generation: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0


class _Deployment(msgspec.Struct, frozen=True):
    metadata: FullMeta
    spec: _Replicas
    status: _Replicas = _Replicas()

    @property
    def is_ready(self) -> bool:
        return (
            self.status.observed_generation == self.metadata.generation
            and 0 < self.spec.replicas == self.status.updated_replicas == self.status.ready_replicas
        )


class Keeper:
    """Keeps all of that. `clock` is the wall clock (aware): certificates are judged by it."""

    def __init__(
        self, client: Client, namespace: str, metrics: Metrics, clock: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._metrics = metrics
        self._clock = clock
        self._host = f"curfew-webhook.{namespace}.svc"
        self._said = ""
        self._gone = False

    async def run(self) -> None:
        """Look after it for ever."""
        while True:
            armed = False
            try:
                armed = await self.once()
                self._metrics.armed.set(armed)
                self._said = ""
            except (KubeError, ValueError) as error:
                if not self._said:
                    _LOG.warning(
                        "the webhook's certificate and arming are not looked after: %s", error
                    )
                self._said = str(error)
            except Exception:  # noqa: BLE001 - nothing may end the keeper
                _LOG.exception("the keeper failed, and is tried again")
            await asyncio.sleep(_EVERY if armed else _UNARMED_EVERY)

    async def once(self) -> bool:
        """One look; returns whether the guard is armed. Raises KubeError."""
        bundle = await self._certificate()
        await self._trust(_MUTATING, bundle)
        guard = await self._trust(_VALIDATING, bundle)
        if guard is None:
            if not self._gone:
                _LOG.error("the webhook configuration curfew is gone: helm upgrade brings it back")
            self._gone = True
            return False
        self._gone = False
        if guard.failure_policy == "Fail":
            return True
        return await self._ready() and await self._answers() and await self._arm()

    async def _certificate(self) -> str:
        secret = (await self._client.get(_SECRETS, _Secret, _SECRET, self._namespace)).value
        data = {key: base64.b64decode(text) for key, text in (secret.data or {}).items()}
        now = self._clock()
        found = Pair(*(data.get(key, b"") for key in ("ca.crt", "tls.crt", "tls.key")))
        if found.authority and is_fresh(found, self._host, now):
            return _base64(found.authority)
        pair = new_pair(self._host, now)
        bundle = pair.authority + first_certificate(data.get("ca.crt", b""))
        for kind in (_MUTATING, _VALIDATING):
            await self._trust(kind, _base64(bundle))
        fresh = {
            "ca.crt": _base64(bundle),
            "tls.crt": _base64(pair.certificate),
            "tls.key": _base64(pair.key),
        }
        steps = [
            PatchOperation("test", "/metadata/resourceVersion", secret.metadata.resource_version),
            PatchOperation("add", "/data", fresh),
        ]
        await self._client.json_patch(_SECRETS, _Secret, _SECRET, steps, self._namespace)
        _LOG.info("the webhook has a new certificate")
        return fresh["ca.crt"]

    async def _trust(self, kind: Resource, bundle: str) -> _Entry | None:
        try:
            found = (await self._client.get(kind, _Configuration, _CONFIGURATION)).value
        except NotFound:
            return None
        steps = [
            PatchOperation("add", f"/webhooks/{index}/clientConfig/caBundle", bundle)
            for index, entry in enumerate(found.webhooks)
            if entry.client_config.ca_bundle != bundle
        ]
        if steps:
            await self._patch(kind, found, steps)
        return next((entry for entry in found.webhooks if entry.name == _GUARD), None)

    async def _ready(self) -> bool:
        try:
            found = await self._client.get(_DEPLOYMENTS, _Deployment, _DEPLOYMENT, self._namespace)
        except NotFound:
            return False
        return found.value.is_ready

    async def _answers(self) -> bool:
        steps = [PatchOperation("add", "/data", {"asked": "yes"})]
        try:
            await self._client.json_patch(
                _CONFIG_MAPS, _Anything, probe.NAME, steps, self._namespace, dry_run=True
            )
        except Forbidden as error:
            return probe.ANSWER in error.status.message
        return False

    async def _arm(self) -> bool:
        found = (await self._client.get(_VALIDATING, _Configuration, _CONFIGURATION)).value
        steps = [
            PatchOperation("add", f"/webhooks/{index}/failurePolicy", "Fail")
            for index, entry in enumerate(found.webhooks)
            if entry.name == _GUARD
        ]
        if not steps:
            return False  # it went between two looks
        await self._patch(_VALIDATING, found, steps)
        _LOG.info("the guard is armed: what it cannot judge is refused from now on")
        return True

    async def _patch(
        self, kind: Resource, found: _Configuration, steps: list[PatchOperation]
    ) -> None:
        # Entries are addressed by place, so nothing is done to another version of the object.
        version = found.metadata.resource_version
        test = PatchOperation("test", "/metadata/resourceVersion", version)
        await self._client.json_patch(kind, _Configuration, _CONFIGURATION, [test, *steps])


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
