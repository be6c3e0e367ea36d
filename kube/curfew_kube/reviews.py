"""Questions to the API server that create no object: what may somebody do; a token, please.

Sources: https://kubernetes.io/docs/reference/access-authn-authz/authorization/ and
https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/.
"""

from datetime import datetime

import msgspec

from curfew.objects.resource import Resource
from curfew_kube.client import Answer, Client, decode
from curfew_kube.transport import Call

_REVIEWS = Resource("authorization.k8s.io", "v1", "subjectaccessreviews", namespaced=False)
_SELF_REVIEWS = Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews", namespaced=False)
_ACCOUNTS = Resource("", "v1", "serviceaccounts", namespaced=True)


class ResourceAttributes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A verb on a resource; an empty namespace or name means all of them."""

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""


class NonResourceAttributes(msgspec.Struct, frozen=True, kw_only=True):
    """A verb on a URL path."""

    verb: str
    path: str


class Question(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """May this user, with these groups, do one thing? Exactly one kind of attributes is set."""

    user: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    resource_attributes: ResourceAttributes | None = None
    non_resource_attributes: NonResourceAttributes | None = None


class Verdict(msgspec.Struct, frozen=True, rename="camel"):
    """The authorizers' answer. With an `evaluation_error` a no may be a "could not tell"."""

    allowed: bool = False
    denied: bool = False
    reason: str = ""
    evaluation_error: str = ""


class IssuedToken(msgspec.Struct, frozen=True, rename="camel"):
    """A bearer token, and when it ends."""

    token: str
    expiration_timestamp: datetime


class _Review(msgspec.Struct, frozen=True):
    status: Verdict


class _Token(msgspec.Struct, frozen=True):
    status: IssuedToken


async def review(client: Client, question: Question) -> Answer[Verdict]:
    """Ask the API server's own authorizers; raises KubeError, never guesses."""
    return await _ask(client, _REVIEWS, "SubjectAccessReview", question)


async def review_self(client: Client, attributes: ResourceAttributes) -> Answer[Verdict]:
    """The same about whoever asks; everybody may. Raises KubeError."""
    question = {"resourceAttributes": attributes}
    return await _ask(client, _SELF_REVIEWS, "SelfSubjectAccessReview", question)


async def _ask(client: Client, reviews: Resource, kind: str, spec: object) -> Answer[Verdict]:
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
    call = Call(
        method="POST",
        path=reviews.collection(),
        body=msgspec.json.encode(body),
        repeatable=True,
    )
    answered = await client.send(call)
    return Answer(decode(call, _Review, answered.body).status, answered.date)


async def issue_token(
    client: Client, namespace: str, account: str, seconds: int, audiences: tuple[str, ...] = ()
) -> Answer[IssuedToken]:
    """Issue a token for a ServiceAccount (the API server's floor is 600 seconds)."""
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": audiences, "expirationSeconds": seconds},
    }
    call = Call(
        method="POST",
        path=_ACCOUNTS.path(account, namespace, "token"),
        body=msgspec.json.encode(body),
    )
    answered = await client.send(call)
    return Answer(decode(call, _Token, answered.body).status, answered.date)
