"""The command line as a person uses it: the whole of it, above an API server in memory."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from curfew.access.api import (
    Access,
    AccessRequest,
    AccessRequestSpec,
    AccessRequestStatus,
    Justification,
    LentRole,
    Passage,
    PolicyRef,
    Requester,
    Scope,
)
from curfew.access.lifecycle import Phase
from curfew.objects.meta import FullMeta
from curfew.objects.rbac import RoleKind
from curfew_cli import session
from curfew_cli.__main__ import main
from curfew_kube.client import Client
from curfew_kube.credentials import CredentialSource
from curfew_kube.transport import Call
from tests.unit.operator_edge.memory_api import Content, MemoryApi

REQUESTS = "/apis/curfew.dev/v1alpha1/accessrequests"
POLICIES = "/apis/curfew.dev/v1alpha1/accesspolicies"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
MayAsk = Callable[[str], bool]
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

_KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: lab
contexts: [{name: lab, context: {cluster: lab, user: dana, namespace: payments}}]
clusters: [{name: lab, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: dana, user: {token: none}}]
"""


class CurfewApi(MemoryApi):
    """As with Curfew installed: who asks is filled in, and `status` is what becomes of requests.

    `may_ask` is the authorizer, by the name of a policy.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kinds |= {REQUESTS, POLICIES}
        self.status: AccessRequestStatus | None = None
        self.may_ask: MayAsk = lambda _: True

    def put(self, path: str, content: Content) -> None:
        if path.startswith(REQUESTS):
            spec = {"requester": {"username": "dana"}} | content["spec"]
            status = msgspec.to_builtins(self.status) if self.status else content.get("status", {})
            content = content | {"spec": spec, "status": status}
        super().put(path, content)

    def _made(self, call: Call, body: Content) -> Content:
        if call.path != REVIEWS:
            return super()._made(call, body)
        asked = body["spec"]["resourceAttributes"]
        assert (asked["verb"], asked["resource"]) == ("request", "accesspolicies")
        return {"status": {"allowed": self.may_ask(asked["name"])}}


class CommandLine:
    """Runs commands; `out` and `err` are what the last one said."""

    def __init__(
        self, file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file.write_text(_KUBECONFIG)
        self._file = file
        self._capsys = capsys
        self.api = CurfewApi()
        self.out = ""
        self.err = ""
        monkeypatch.setattr(session, "Client", self._client)

    def _client(self, source: CredentialSource, *, deadline: float) -> Client:
        assert deadline > 0
        return Client(source, transport=self.api, deadline=0.0)

    def run(self, *arguments: str) -> int:
        """Run `kubectl curfew ARGUMENTS`; its exit code."""
        try:
            code = main([*arguments, "--kubeconfig", str(self._file)])
        except SystemExit as ended:
            code = int(str(ended.code))
        self.out, self.err = self._capsys.readouterr()
        return code

    def store(self, request: AccessRequest) -> None:
        content: Content = msgspec.to_builtins(request)
        self.api.put(f"{REQUESTS}/{request.metadata.name}", content)

    def store_policy(self, name: str, roles: list[dict[str, str]], *namespaces: str) -> None:
        spec = {"access": {"roles": roles}, "scope": {"namespaces": namespaces}}
        self.api.put(f"{POLICIES}/{name}", {"metadata": {"name": name}, "spec": spec})


def request(
    name: str = "req-1", phase: Phase = Phase.ACTIVE, status: AccessRequestStatus | None = None
) -> AccessRequest:
    """A request of dana's for `curfew:edit` in payments."""
    spec = AccessRequestSpec(
        policy_ref=PolicyRef("oncall"),
        requester=Requester("dana"),
        access=Access((LentRole(RoleKind.CLUSTER_ROLE, "curfew:edit"),)),
        scope=Scope(("payments",)),
        justification=Justification("disk full"),
    )
    usual = AccessRequestStatus(
        phase=phase, expires_at=NOON, history=(Passage(Phase.GRANTING, NOON), Passage(phase, NOON))
    )
    meta = FullMeta(name=name, uid=f"uid-{name}", creation_timestamp=NOON)
    return AccessRequest(meta, spec, status or usual)
