"""A CONNECT proxy on a Unix socket: the API server's way to Services where there is no network.

The API server resolves a Service to its ClusterIP and asks this proxy for `ClusterIP:port`
(KEP-1281, `EgressSelectorConfiguration`). Tables say which local port that is, or which several;
they are read anew for each connection, and each has one writer: the rig's owner, and the node. What
is in none of them is refused, as by a Service without endpoints.
"""

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

_LARGEST_REQUEST = 16 * 1024
_CHUNK = 64 * 1024


async def serve(socket: Path, tables: Sequence[Path]) -> None:
    """Serve until the process is ended; a target counts in the first table that has it."""
    socket.unlink(missing_ok=True)  # noqa: ASYNC240 - a small local file

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _tunnel(reader, writer, tables)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            print(f"egress: {error}", file=sys.stderr, flush=True)  # noqa: T201 - its log
        finally:
            writer.close()

    server = await asyncio.start_unix_server(accept, socket, limit=_LARGEST_REQUEST)
    socket.chmod(0o600)  # noqa: ASYNC240 - a small local file
    async with server:
        await server.serve_forever()


async def _tunnel(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tables: Sequence[Path]
) -> None:
    request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split(" ", 2)
    target = request[1] if request[0] == "CONNECT" else ""
    local = _look_up(target, tables)
    if not local:
        writer.write(b"HTTP/1.1 502 No such Service\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        return
    try:
        inner_reader, inner_writer = await _connect(local)
    except OSError:
        writer.write(b"HTTP/1.1 502 Connection refused\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        return
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))


def _look_up(target: str, tables: Sequence[Path]) -> list[str]:
    for table in tables:
        entry = json.loads(table.read_text()).get(target) if table.exists() else None
        if entry is not None:
            return [entry] if isinstance(entry, str) else list(entry)
    return []


async def _connect(local: Sequence[str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    failure = OSError("no local port")
    for place in random.sample(local, len(local)):
        host, port = place.rsplit(":", 1)
        try:
            return await asyncio.open_connection(host, int(port))
        except OSError as error:
            failure = error
    raise failure


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while chunk := await source.read(_CHUNK):
            target.write(chunk)
            await target.drain()
    finally:
        # Either side's end ends both: HTTP and TLS have no use for half a connection.
        target.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), [Path(word) for word in sys.argv[2:]]))
