"""The two FastAPI apps: reviews over TLS, and on another port what kubelet and Prometheus ask."""

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response

from curfew_webhook.handling import Handler
from curfew_webhook.metrics import Metrics
from curfew_webhook.review import BadReview

LARGEST_BODY = 7 * 1024 * 1024
_BODY_WITHIN = 10.0


class _Refused(Exception):
    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def reviews(handler: Handler) -> FastAPI:
    """What the API server calls. A body that is no review is 400, 413 or 415, in words."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    async def answer(request: Request, handle: Callable[[bytes], Awaitable[bytes]]) -> Response:
        try:
            reply = await handle(await _body(request))
        except BadReview as error:
            return Response(f"{error}\n", 400, media_type="text/plain")
        except _Refused as error:
            return Response(f"{error}\n", error.status, media_type="text/plain")
        return Response(reply, media_type="application/json")

    @app.post("/validate")
    async def validate(request: Request) -> Response:
        return await answer(request, handler.validate)

    @app.post("/mutate")
    async def mutate(request: Request) -> Response:
        return await answer(request, handler.mutate)

    return app


def health(metrics: Metrics, faults: Callable[[], list[str]]) -> FastAPI:
    """Alive, ready (`faults` says what is in the way) and the metrics."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> Response:
        return Response("ok\n", media_type="text/plain")

    @app.get("/readyz")
    async def readyz() -> Response:
        found = faults()
        words = "".join(f"{fault}\n" for fault in found) or "ok\n"
        return Response(words, 503 if found else 200, media_type="text/plain")

    @app.get("/metrics")
    async def exposition() -> Response:
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    return app


async def _body(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise _Refused(415, f"the content type is {kind[:100] or 'missing'}, not application/json")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise _Refused(415, "a compressed body is not read")
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced) > LARGEST_BODY:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_WITHIN):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST_BODY:
                    raise _too_large()
    except TimeoutError:
        raise _Refused(408, f"the body was not sent within {_BODY_WITHIN:g} s") from None
    if not body:
        raise _Refused(400, "the body is empty")
    return bytes(body)


def _too_large() -> _Refused:
    return _Refused(413, f"the body is larger than {LARGEST_BODY} bytes")
