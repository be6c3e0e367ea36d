"""The webhook as the API server meets it: the real app behind real TLS, and reviews to send it."""

import asyncio
import base64
import contextlib
import io
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Self

import aiohttp
import msgspec
from fastapi import FastAPI

from curfew.admission.grants import Missing, Resolution, Resolved
from curfew.admission.lent_grant import Neighbours
from curfew.objects.rbac import PolicyRule, RoleRef
from curfew_operator.pair import Pair, new_pair
from curfew_webhook.app import reviews
from curfew_webhook.certificate import ServingCertificate
from curfew_webhook.handling import Handler
from curfew_webhook.metrics import Metrics
from curfew_webhook.serving import server
from tests.unit.operator_edge.memory_api import MemoryApi, now

HOST = "curfew-webhook.curfew-system.svc"
SECRET = "/api/v1/namespaces/curfew-system/secrets/curfew-webhook-tls"  # noqa: S105 - a path
INCIDENT = "1ce0ffee"
OPERATOR = "system:serviceaccount:curfew-system:curfew-operator"
EVERYTHING = PolicyRule(verbs=("*",), api_groups=("*",), resources=("*",))
READ_PODS = PolicyRule(verbs=("get", "list"), api_groups=("",), resources=("pods",))
Json = dict[str, Any]


class Book:
    """Roles by name; one that is not in it is missing, and an error is raised."""

    def __init__(self, **roles: Resolution | Exception) -> None:
        self.roles = roles
        self.asked = 0

    async def resolve(self, ref: RoleRef, namespace: str) -> Resolution:
        assert namespace in ("", "payments")
        self.asked += 1
        await asyncio.sleep(0)
        found = self.roles.get(ref.name, Missing())
        if isinstance(found, Exception):
            raise found
        return found


class Town:
    """What the ServiceAccounts of every namespace are; an error is raised."""

    def __init__(self, found: Neighbours | Exception = Neighbours.HARMLESS) -> None:
        self.found = found
        self.asked: list[str] = []

    async def neighbours(self, namespace: str) -> Neighbours:
        self.asked.append(namespace)
        await asyncio.sleep(0)
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def resolved(*rules: PolicyRule) -> Resolved:
    return Resolved(rules, "42")


class Site:
    """A running webhook, its parts, and a client of it that trusts its authority."""

    def __init__(self, book: Book, town: Town | None = None) -> None:
        self.book = book
        self.town = town or Town()
        self.metrics = Metrics()
        self.api = MemoryApi()
        self.certificate = ServingCertificate(
            self.api.client(), "curfew-system", "curfew-webhook-tls", now
        )
        handler = Handler(
            book, self.town, self.metrics, operator=OPERATOR, incident=lambda: INCIDENT
        )
        self.app = reviews(handler)
        self.url = ""
        self.port = 0
        self.opened = 0

    async def certify(self) -> Pair:
        """Have another certificate served."""
        pair = new_pair(HOST, now())
        texts = {"tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": pair.authority}
        data = {name: base64.b64encode(text).decode() for name, text in texts.items()}
        self.api.put(SECRET, {"metadata": {}, "data": data})
        await self.certificate.refresh()
        return pair

    @contextlib.asynccontextmanager
    async def client(self, connections: int = 100) -> AsyncIterator[aiohttp.ClientSession]:
        """A client that counts the connections that it opens."""
        trust = ssl.create_default_context(cadata=self.certificate.trusted)
        trace = aiohttp.TraceConfig()

        async def count(*_: object) -> None:
            await asyncio.sleep(0)
            self.opened += 1

        trace.on_connection_create_end.append(count)
        connector = aiohttp.TCPConnector(limit=connections, ssl=trust)
        async with aiohttp.ClientSession(
            self.url, connector=connector, trace_configs=[trace]
        ) as session:
            yield session

    async def __aenter__(self) -> Self:
        await self.certify()
        self._stack = contextlib.AsyncExitStack()
        serving = served(self.app, self.certificate.context)
        self.port = await self._stack.enter_async_context(serving)
        self.url = f"https://127.0.0.1:{self.port}"
        self._session = await self._stack.enter_async_context(self.client())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def send(
        self,
        body: bytes | AsyncIterator[bytes],
        path: str = "/validate",
        session: aiohttp.ClientSession | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Post a body; the status, and the answer."""
        sent = (session or self._session).post(
            path,
            data=io.BytesIO(body) if isinstance(body, bytes) else body,
            headers={"Content-Type": "application/json"} | (headers or {}),
            server_hostname=HOST,
        )
        async with sent as answer:
            return answer.status, await answer.read()

    async def get(self, path: str) -> int:
        async with self._session.get(path, server_hostname=HOST) as answer:
            return answer.status

    async def ask(
        self, asked: Json, path: str = "/validate", session: aiohttp.ClientSession | None = None
    ) -> Json:
        """Post a review, and read the response in its answer, which is held to the protocol."""
        status, body = await self.send(msgspec.json.encode(asked), path, session)
        assert status == 200, body
        answer: Json = msgspec.json.decode(body)
        assert answer["apiVersion"] == "admission.k8s.io/v1"
        assert answer["kind"] == "AdmissionReview"
        response: Json = answer["response"]
        assert response["uid"] == asked["request"]["uid"]
        return response


async def becomes(true: Callable[[], bool]) -> None:
    """Wait until it is so."""
    for _ in range(2000):
        if true():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not become so")


@contextlib.asynccontextmanager
async def served(app: FastAPI, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve an app on a free port, and say which."""
    running = server(app, "127.0.0.1", 0, tls)
    task = asyncio.create_task(running.serve())
    try:
        await becomes(lambda: running.started or task.done())
        yield running.servers[0].sockets[0].getsockname()[1]
    finally:
        running.should_exit = True
        await task


def on_site(
    book: Book, scenario: Callable[[Site], Awaitable[None]], town: Town | None = None
) -> Site:
    """Run a scenario against a running webhook."""
    site = Site(book, town)

    async def run() -> None:
        async with site:
            await scenario(site)

    asyncio.run(run())
    return site


def answers(
    book: Book, *asked: Json, path: str = "/validate", town: Town | None = None
) -> list[Json]:
    """What a running webhook answers to these reviews, one after the other."""
    found: list[Json] = []

    async def scenario(site: Site) -> None:
        found.extend([await site.ask(one, path) for one in asked])

    on_site(book, scenario, town)
    return found


def binding(role: str = "helper", *users: str, cluster: bool = False) -> Json:
    """A binding to a ClusterRole, as it is stored."""
    place = {} if cluster else {"namespace": "payments"}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding" if cluster else "RoleBinding",
        "metadata": {"name": "ops", "labels": {"team": "payments"}} | place,
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": role,
        },
        "subjects": [
            {"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}
            for user in users or ("dana",)
        ],
    }


def review(content: Json | None, old: Json | None = None, **request: Any) -> Json:
    """A review of a write of a binding; what else is given replaces fields of the request."""
    kind = (content or old or {}).get("kind", "RoleBinding")
    usual = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {"group": "rbac.authorization.k8s.io", "version": "v1", "kind": kind},
        "resource": {
            "group": "rbac.authorization.k8s.io",
            "version": "v1",
            "resource": f"{kind.lower()}s",
        },
        "name": "ops",
        "namespace": "payments",
        "operation": "UPDATE" if old and content else "CREATE",
        "userInfo": {"username": "dana", "uid": "u-1", "groups": ["dev", "system:authenticated"]},
        "object": content,
        "oldObject": old,
        "dryRun": False,
        "options": {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"},
    }
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": usual | request,
    }
