"""One HTTP exchange with the API server, and nothing but that: no retry, no decoding of objects.

Every failure of the library below becomes one of `errors` here, with the one question answered that
matters for a write: can it have been carried out?
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
import msgspec
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.tracing import Trace

from curfew_kube.credentials import Credentials, CredentialSource
from curfew_kube.errors import CredentialFault, Malformed, Unreachable, Untrusted, refusal
from curfew_kube.status import read_status

_OK = range(200, 300)
_REDIRECTION = range(300, 400)
_UNAUTHORIZED = 401
_LARGEST_REFUSAL = 1 << 20


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request. `repeatable`: carrying it out twice is the same as once."""

    method: str
    path: str
    query: dict[str, str] = {}
    body: bytes | None = None
    content_type: str = "application/json"
    repeatable: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Answered(msgspec.Struct, frozen=True):
    """A good answer; `date` is the API server's clock (its Date header, whole seconds, UTC)."""

    body: bytes
    date: datetime


class _Connector(aiohttp.TCPConnector):
    """A pool that can hang up: TLS says goodbye only to a peer that listens, and a paused API
    server does not."""

    def __init__(self) -> None:
        super().__init__()
        self._opened: set[asyncio.Transport] = set()

    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the pool's own signature
    ) -> ResponseHandler:
        connection = await super()._create_connection(req, traces, timeout)
        transport, closed = connection.transport, connection.closed
        if transport is not None and closed is not None:

            def forget(done: asyncio.Future[None]) -> None:
                self._opened.discard(transport)
                done.cancelled() or done.exception()  # else asyncio logs it as never looked at

            self._opened.add(transport)
            closed.add_done_callback(forget)
        return connection

    async def hang_up(self) -> None:
        """End every connection, also those that wait for the peer's goodbye."""
        for transport in tuple(self._opened):
            transport.abort()
        await asyncio.sleep(0)  # asyncio closes an aborted socket at its next turn


class Transport:
    """Connections to one API server; `patience` and `connect` are seconds to wait for each.

    `on_date` is told the API server's clock with each answer, also with one that refuses.
    """

    def __init__(
        self,
        source: CredentialSource,
        patience: float = 30.0,
        connect: float = 5.0,
        on_date: Callable[[datetime], None] | None = None,
    ) -> None:
        self._on_date = on_date
        self._source = source
        self._patience = aiohttp.ClientTimeout(total=patience, sock_connect=connect)
        # A watch is silent for as long as it likes; whoever reads it decides when it has stalled.
        self._opening = aiohttp.ClientTimeout(total=None, sock_connect=connect)
        self._headers_within = patience
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            await self._connector.hang_up()
            self._session = None

    async def exchange(self, call: Call) -> Answered:
        """Send and read whole; raises a KubeError for everything but 2xx."""
        async with self._open(call, self._patience) as answer:
            return Answered(await answer.read(), _date(call, answer.headers))

    def stream(self, call: Call) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Send, and hand out the answer while it comes in; raises like `exchange`."""
        return self._open(call, self._opening)

    @asynccontextmanager
    async def _open(
        self, call: Call, limits: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        refused: Credentials | None = None
        while True:
            credentials = await self._source.current(refused=refused)
            async with self._request(call, credentials, limits) as answer:
                if answer.status == _UNAUTHORIZED and refused is None:
                    refused = credentials
                    continue
                await _require_good(call, answer)
                yield answer
                return

    @asynccontextmanager
    async def _request(
        self, call: Call, credentials: Credentials, limits: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        answer: aiohttp.ClientResponse | None = None
        try:
            async with asyncio.timeout(self._headers_within):
                answer = await self._send(call, credentials, limits)
            date = _date_or_none(answer.headers)
            if self._on_date is not None and date is not None:
                self._on_date(date)
            yield answer
        except aiohttp.ClientConnectorCertificateError as error:
            cause = str(error.certificate_error)
            raise Untrusted(credentials.server, credentials.trusted, cause) from error
        except aiohttp.ClientConnectorSSLError as error:
            raise CredentialFault(
                f"{credentials.server} does not speak TLS with us: {error}"
            ) from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unreachable(str(call), _words(error), sent=False) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(str(call), _words(error), sent=True) from error
        finally:
            if answer is not None:
                answer.close() if not answer.content.at_eof() else answer.release()

    async def _send(
        self, call: Call, credentials: Credentials, limits: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        if self._session is None:
            self._connector = _Connector()
            self._session = aiohttp.ClientSession(connector=self._connector)
            # It would repeat a DELETE by itself, and hide that the first one may have been done.
            self._session._retry_connection = False  # noqa: SLF001 - there is no public switch
        headers = {"Accept": "application/json", "User-Agent": "curfew"}
        if call.body is not None:
            headers["Content-Type"] = call.content_type
        if credentials.token is not None:
            headers["Authorization"] = f"Bearer {credentials.token}"
        return await self._session.request(
            call.method,
            credentials.server + call.path,
            params=call.query,
            data=call.body,
            headers=headers,
            ssl=credentials.tls,
            server_hostname=credentials.server_name,
            proxy=credentials.proxy,
            timeout=limits,
            allow_redirects=False,  # a token goes to the server it was meant for, and nowhere else
        )


async def _require_good(call: Call, answer: aiohttp.ClientResponse) -> None:
    if answer.status in _OK:
        return
    if answer.status in _REDIRECTION:
        raise Malformed(str(call), f"redirected to {answer.headers.get('Location', 'nowhere')}")
    body = b""
    while len(body) < _LARGEST_REFUSAL and (chunk := await answer.content.readany()):
        body += chunk
    status = read_status(answer.status, body)
    raise refusal(
        str(call),
        status,
        _date_or_none(answer.headers),
        _retry_after(answer.headers),
    )


def _date(call: Call, headers: Mapping[str, str]) -> datetime:
    date = _date_or_none(headers)
    if date is None:
        raise Malformed(str(call), "it has no Date header")
    return date


def _date_or_none(headers: Mapping[str, str]) -> datetime | None:
    try:
        return parsedate_to_datetime(headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    # kube-apiserver sends seconds; the header's other form, a date, is not one it uses.
    text = headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
