"""Probes: what a kubelet asks of a container, asked at the local port that stands for its port.

https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
"""

import asyncio
import http.client
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable

from localcluster.node.fields import LOOPBACK
from localcluster.node.objects import HttpGet, Probe

_EAGER_SECONDS = 0.2
_GOOD = range(200, 400)

LocalPort = Callable[[int | str], int]


async def verdicts(probe: Probe, port: LocalPort, *, eager: bool) -> AsyncIterator[bool]:
    """Each time that a threshold is reached: True for well, False for not.

    `eager` asks often until the first success, so that nobody waits out a period for nothing; a
    failure still takes a whole period.
    """
    await asyncio.sleep(probe.initial_delay_seconds)
    last, row = None, 0
    while True:
        began = time.monotonic()
        good = await asyncio.to_thread(succeeds, probe, port)
        while eager and not good and time.monotonic() - began < probe.period_seconds:
            await asyncio.sleep(_EAGER_SECONDS)
            good = await asyncio.to_thread(succeeds, probe, port)
        eager = eager and not good
        row = row + 1 if good == last else 1
        last = good
        if row == (probe.success_threshold if good else probe.failure_threshold):
            yield good
        await asyncio.sleep(max(0.0, began + probe.period_seconds - time.monotonic()))


def succeeds(probe: Probe, port: LocalPort) -> bool:
    """Ask once, and wait for `timeoutSeconds` at most."""
    try:
        if probe.http_get is not None:
            return _http(probe.http_get, port(probe.http_get.port), probe.timeout_seconds)
        if probe.tcp_socket is not None:
            where = (LOOPBACK, port(probe.tcp_socket.port))
            socket.create_connection(where, probe.timeout_seconds).close()
    except (OSError, http.client.HTTPException):
        return False
    return True


def _http(get: HttpGet, port: int, seconds: int) -> bool:
    if get.scheme == "HTTPS":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            LOOPBACK, port, timeout=seconds, context=_any_certificate()
        )
    else:
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=seconds)
    try:
        connection.request("GET", get.path, headers={h.name: h.value for h in get.http_headers})
        return connection.getresponse().status in _GOOD
    finally:
        connection.close()


def _any_certificate() -> ssl.SSLContext:
    # A kubelet does not check a probe's certificate either.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
