"""Everything that the keeper looks after, in memory, as the chart installs it."""

import asyncio
import base64
from datetime import UTC, datetime
from typing import Any

from curfew.admission import probe
from curfew_operator.keeper import Keeper
from curfew_operator.metrics import Metrics
from curfew_operator.pair import Pair
from tests.unit.operator_edge.memory_api import MemoryApi, no

HOST = "curfew-webhook.curfew-system.svc"
NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
_HOME = "/api/v1/namespaces/curfew-system"
SECRET = f"{_HOME}/secrets/curfew-webhook-tls"
PROBE = f"{_HOME}/configmaps/{probe.NAME}"
DEPLOYMENT = "/apis/apps/v1/namespaces/curfew-system/deployments/curfew-webhook"
_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
MUTATING = f"{_ADMISSION}/mutatingwebhookconfigurations/curfew"
VALIDATING = f"{_ADMISSION}/validatingwebhookconfigurations/curfew"
GUARD = "rbac-guard-see-runbook.curfew.dev"
ANSWER = f'admission webhook "probe.curfew.dev" denied the request: {probe.ANSWER}'


class KeptWebhook:
    """A fresh installation, and its keeper, by a wall clock that stands still."""

    def __init__(self) -> None:
        self.api = MemoryApi()
        self.now = NOW
        self.metrics = Metrics()
        self.keeper = Keeper(self.api.client(), "curfew-system", self.metrics, lambda: self.now)
        self.api.put(SECRET, {"metadata": {}, "type": "kubernetes.io/tls"})
        self.api.put(PROBE, {"metadata": {}, "data": {}})
        self.configure(VALIDATING, "probe.curfew.dev", GUARD)
        self.configure(MUTATING, "requester.curfew.dev")

    def configure(self, path: str, *entries: str) -> None:
        webhooks = [
            {"name": name, "clientConfig": {"service": {}}, "failurePolicy": "Ignore"}
            for name in entries
        ]
        self.api.put(path, {"metadata": {}, "webhooks": webhooks})

    def deploy(self, *, ready: int = 3, updated: int = 3, observed: int = 2) -> None:
        """Three replicas are wanted; so many are ready, and of the newest kind."""
        status = {"replicas": 3, "readyReplicas": ready, "updatedReplicas": updated}
        content = {
            "metadata": {"generation": 2},
            "spec": {"replicas": 3},
            "status": status | {"observedGeneration": observed},
        }
        self.api.put(DEPLOYMENT, content)

    def reach(self) -> None:
        """Have the probe refused by the webhook."""
        self.api.failing[f"PATCH {PROBE}"] = no(f"PATCH {PROBE}", 403, "Forbidden", ANSWER)

    def look(self) -> bool:
        return asyncio.run(self.keeper.once())

    def armed(self) -> "KeptWebhook":
        """The guard, armed; what was done for it is forgotten."""
        self.deploy()
        self.reach()
        assert self.look() is True
        self.api.calls.clear()
        return self

    def write(self, pair: Pair, **others: bytes | None) -> None:
        """Store a pair; a key that is None is left out (`ca_crt` stands for ca.crt)."""
        texts = {
            "tls.crt": pair.certificate,
            "tls.key": pair.key,
            "ca.crt": pair.authority,
        } | {name.replace("_", "."): text for name, text in others.items()}
        data = {name: base64.b64encode(text).decode() for name, text in texts.items() if text}
        self.api.put(SECRET, {"metadata": {}, "data": data})

    def secret(self, key: str) -> bytes:
        return base64.b64decode(self.api.objects[SECRET]["data"][key])

    def pair(self) -> Pair:
        """What is served."""
        return Pair(self.secret("ca.crt"), self.secret("tls.crt"), self.secret("tls.key"))

    def trusted(self, path: str = VALIDATING) -> list[bytes]:
        """What the API server trusts each entry by."""
        webhooks: list[dict[str, Any]] = self.api.objects[path]["webhooks"]
        return [base64.b64decode(one["clientConfig"].get("caBundle", "")) for one in webhooks]

    def policies(self) -> dict[str, str]:
        webhooks = self.api.objects[VALIDATING]["webhooks"]
        return {one["name"]: one["failurePolicy"] for one in webhooks}

    def changes(self) -> list[str]:
        """What was written, or would have been, in this order."""
        return [call.removeprefix("PATCH ") for call in self.api.calls if call.startswith("PATCH")]
