"""What a Pod may read before it runs: ConfigMaps, Secrets, and tokens of its ServiceAccount."""

import time

import msgspec

from localcluster.node import objects
from localcluster.node.api import Api, Refused
from localcluster.node.waiting import NotYet

_NOT_FOUND = 404
_RENEWAL = 0.8  # of a token's life, as the kubelet does it


class Sources:
    """The sources of one Pod, in its namespace."""

    def __init__(self, api: Api, pod: objects.Pod) -> None:
        self._api = api
        self._pod = pod
        self._tokens: dict[objects.TokenSource, tuple[str, float]] = {}

    async def config_map(self, name: str, *, optional: bool) -> dict[str, bytes] | None:
        """A ConfigMap's content; None (or NotYet, unless optional) if there is none."""
        content = await self._read("configmaps", name, optional=optional)
        if content is None:
            return None
        found = msgspec.json.decode(content, type=objects.ConfigMap)
        return {key: text.encode() for key, text in found.data.items()} | found.binary_data

    async def secret(self, name: str, *, optional: bool) -> dict[str, bytes] | None:
        """A Secret's content; None (or NotYet, unless optional) if there is none."""
        content = await self._read("secrets", name, optional=optional)
        return None if content is None else msgspec.json.decode(content, type=objects.Secret).data

    async def token(self, source: objects.TokenSource) -> str:
        """A token bound to this Pod, the same one until most of its life is over."""
        token, renewal = self._tokens.get(source, ("", 0.0))
        if token and time.monotonic() < renewal:
            return token
        answer = await self._request(source)
        renewal = time.monotonic() + _RENEWAL * answer.spec.expiration_seconds
        self._tokens[source] = (answer.status.token, renewal)
        return answer.status.token

    async def _request(self, source: objects.TokenSource) -> objects.Token:
        meta, account = self._pod.metadata, self._pod.spec.service_account_name
        pod = {"kind": "Pod", "apiVersion": "v1", "name": meta.name, "uid": meta.uid}
        spec = {
            "audiences": [source.audience] if source.audience else [],
            "expirationSeconds": source.expiration_seconds,
            "boundObjectRef": pod,
        }
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        path = f"/api/v1/namespaces/{meta.namespace}/serviceaccounts/{account}/token"
        try:
            answer = await self._api.send("POST", path, body)
        except Refused as error:
            raise NotYet("CreateContainerConfigError", f"no token of {account}: {error}") from error
        return msgspec.json.decode(answer, type=objects.Token)

    async def _read(self, kind: str, name: str, *, optional: bool) -> bytes | None:
        namespace = self._pod.metadata.namespace
        try:
            return await self._api.get(f"/api/v1/namespaces/{namespace}/{kind}/{name}")
        except Refused as error:
            if error.status != _NOT_FOUND:
                raise
            if optional:
                return None
            what = f"{kind.removesuffix('s')} {name!r} not found in {namespace}"
            raise NotYet("CreateContainerConfigError", what) from error
