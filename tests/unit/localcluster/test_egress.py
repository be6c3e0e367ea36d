"""The way to a Service leads to any of its ports that answers."""

import asyncio
import json
import socket
import tempfile
from pathlib import Path

import pytest

from localcluster import egress


async def _hello(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello")
    await writer.drain()
    writer.close()


async def _connect(way: Path, target: str) -> bytes:
    reader, writer = await asyncio.open_unix_connection(way)
    writer.write(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def _answers(target: str, times: int) -> list[bytes]:
    server = await asyncio.start_server(_hello, "127.0.0.1", 0)
    with socket.socket() as refuses, tempfile.TemporaryDirectory() as short:
        refuses.bind(("127.0.0.1", 0))  # and never listens
        dead = f"127.0.0.1:{refuses.getsockname()[1]}"
        alive = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        way = Path(short, "way")
        proxy = asyncio.create_task(egress.serve(way, _tables(Path(short), dead, alive)))
        await asyncio.sleep(0)  # it listens before it first waits
        answers = [await _connect(way, target) for _ in range(times)]
        proxy.cancel()
        await asyncio.gather(proxy, return_exceptions=True)
    server.close()
    await server.wait_closed()
    return answers


def _tables(directory: Path, dead: str, alive: str) -> list[Path]:
    routes, endpoints = directory / "routes", directory / "endpoints"
    routes.write_text(json.dumps({"one:1": alive, "both:1": alive}))
    endpoints.write_text(json.dumps({"many:1": [dead, alive], "both:1": [dead]}))
    return [routes, directory / "absent", endpoints]


@pytest.mark.parametrize("target", ["one:1", "many:1", "both:1"])
def test_a_refusing_port_is_passed_over_and_the_owners_table_counts_first(target: str) -> None:
    answers = asyncio.run(_answers(target, 8))
    assert {answer.endswith(b"hello") for answer in answers} == {True}


def test_a_service_that_no_table_has_is_refused() -> None:
    (answer,) = asyncio.run(_answers("none:1", 1))
    assert answer.startswith(b"HTTP/1.1 502 No such Service")
