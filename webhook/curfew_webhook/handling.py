"""One AdmissionReview from its bytes to the bytes of its answer.

`read` (review), `added` (what power the write adds), `resolve` (the role, from the cache or live),
`judge` (the rules), and back. Whatever goes wrong on the way is a refusal in words.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from curfew.admission import probe
from curfew.admission.findings import Admitted, Denied, Judgement
from curfew.admission.grants import Resolution, added
from curfew.admission.judge import judge
from curfew.admission.lent_grant import Neighbours
from curfew.objects.rbac import CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS, Binding, RoleRef
from curfew_webhook import review
from curfew_webhook.metrics import Metrics, Verdict
from curfew_webhook.review import GroupResource, Operation, Request, Response

_LOG = logging.getLogger("curfew.webhook")
_BINDINGS = {
    GroupResource(kind.group, kind.plural) for kind in (ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS)
}
_PROBE = (GroupResource("", "configmaps"), probe.NAME)
_NOTHING = b"null"


class Roles(Protocol):
    """Where a binding's role is looked up."""

    async def resolve(self, ref: RoleRef, namespace: str) -> Resolution:
        """The role as it is now; never raises for a cluster that cannot answer."""
        ...


class Namespaces(Protocol):
    """What the ServiceAccounts of a namespace are."""

    async def neighbours(self, namespace: str) -> Neighbours:
        """UNKNOWN where that cannot be told now; never raises."""
        ...


class Handler:
    """Answers reviews. `operator` is the user name of Curfew's own operator, whose bindings are
    what is lent; `incident` makes the id under which a crash is logged and told."""

    def __init__(
        self,
        roles: Roles,
        namespaces: Namespaces,
        metrics: Metrics,
        *,
        operator: str,
        incident: Callable[[], str],
    ) -> None:
        self._roles = roles
        self._namespaces = namespaces
        self._operator = operator
        self._metrics = metrics
        self._incident = incident

    async def validate(self, body: bytes) -> bytes:
        """Judge the write in a review; raises BadReview for what is none."""
        return await self._answer(body, self._validate)

    async def mutate(self, body: bytes) -> bytes:
        """Fill in `spec.requester` where it was left out; raises BadReview."""
        return await self._answer(body, _fill_in_requester)

    async def _answer(self, body: bytes, decide: Callable[[Request], Awaitable[Response]]) -> bytes:
        request = review.read(body)
        with self._metrics.duration.time():
            try:
                response = await decide(request)
            except Exception:  # noqa: BLE001 - a crash must neither admit nor end the process
                response = self._crashed(request)
        return review.write(response)

    async def _validate(self, request: Request) -> Response:
        if (request.resource, request.name) == _PROBE:
            return review.refused(request, probe.ANSWER)
        if request.resource not in _BINDINGS:
            self._metrics.count(Verdict.UNDECIDED)
            return review.undecided(request, _unknown(request))
        if request.operation not in (Operation.CREATE, Operation.UPDATE):
            self._metrics.count(Verdict.ADMITTED)
            return review.admitted(request)
        try:
            judgement = await self._judge(request)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self._metrics.count(Verdict.UNDECIDED)
            return review.undecided(request, f"could not tell: the binding cannot be read: {error}")
        return self._respond(request, judgement)

    async def _judge(self, request: Request) -> Judgement:
        new = msgspec.json.decode(request.object, type=Binding)
        old = None
        if bytes(request.old_object) != _NOTHING:
            old = msgspec.json.decode(request.old_object, type=Binding)
        grant = added(old, new)
        if grant is None:
            return Admitted()
        neighbours = Neighbours.HARMLESS
        if request.user_info.username == self._operator:
            neighbours = await self._namespaces.neighbours(grant.namespace)
        role = await self._roles.resolve(grant.role, grant.namespace)
        return judge(grant, role, neighbours)

    def _respond(self, request: Request, judgement: Judgement) -> Response:
        if isinstance(judgement, Admitted):
            self._metrics.count(Verdict.ADMITTED)
            return review.admitted(request, judgement.warnings, verdict="admitted")
        if isinstance(judgement, Denied):
            self._metrics.count(Verdict.REFUSED)
            rules = ",".join(finding.rule.id for finding in judgement.findings)
            return review.refused(request, judgement.message, verdict="refused", rules=rules)
        self._metrics.count(Verdict.UNDECIDED)
        return review.undecided(request, judgement.message, verdict="undecided")

    def _crashed(self, request: Request) -> Response:
        incident = self._incident()
        self._metrics.count(Verdict.CRASHED)
        _LOG.exception("incident %s: a rule crashed on review %s", incident, request.uid)
        return review.undecided(
            request,
            f"could not tell: Curfew failed on this write (incident {incident}), and what it cannot"
            f" judge it does not admit. The log of the pods of curfew-webhook says more.",
            verdict="crashed",
            incident=incident,
        )


class _Spec(msgspec.Struct, frozen=True):
    requester: msgspec.Raw = msgspec.Raw(_NOTHING)


class _Asked(msgspec.Struct, frozen=True):
    spec: _Spec


async def _fill_in_requester(request: Request) -> Response:
    try:
        asked = msgspec.json.decode(request.object, type=_Asked)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return review.admitted(request)  # the schema says better what is wrong with it
    if bytes(asked.spec.requester) != _NOTHING:
        return review.admitted(request)
    who = {
        "username": request.user_info.username,
        "uid": request.user_info.uid,
        "groups": request.user_info.groups,
    }
    return review.patched(request, [{"op": "add", "path": "/spec/requester", "value": who}])


def _unknown(request: Request) -> str:
    return (
        f"could not tell: Curfew was asked about {request.resource.resource[:253]}, which it has no"
        f" rule for; is its webhook configuration the one of its chart?"
    )
