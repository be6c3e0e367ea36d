"""A CONNECT proxy on a Unix socket: the API server's way to Services where there is no network.

The API server resolves a Service to its ClusterIP and asks this proxy for `ClusterIP:port`
(KEP-1281, `EgressSelectorConfiguration`). A table says which local port that is; it is read
anew for each connection. What is not in it is refused, as by a Service without endpoints.
"""

import asyncio
import json
import sys
from pathlib import Path

_LARGEST_REQUEST = 16 * 1024
_CHUNK = 64 * 1024


async def serve(socket: Path, table: Path) -> None:
    """Serve until the process is ended."""
    socket.unlink(missing_ok=True)  # noqa: ASYNC240 - a small local file

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _tunnel(reader, writer, table)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            print(f"egress: {error}", file=sys.stderr, flush=True)  # noqa: T201 - its log
        finally:
            writer.close()

    server = await asyncio.start_unix_server(accept, socket, limit=_LARGEST_REQUEST)
    socket.chmod(0o600)  # noqa: ASYNC240 - a small local file
    async with server:
        await server.serve_forever()


async def _tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, table: Path) -> None:
    request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split(" ", 2)
    target = request[1] if request[0] == "CONNECT" else ""
    local = json.loads(table.read_text()).get(target)  # noqa: ASYNC240 - a small local file
    if local is None:
        writer.write(b"HTTP/1.1 502 No such Service\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        return
    host, port = local.rsplit(":", 1)
    try:
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
    except OSError:
        writer.write(b"HTTP/1.1 502 Connection refused\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        return
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while chunk := await source.read(_CHUNK):
            target.write(chunk)
            await target.drain()
    finally:
        # Either side's end ends both: HTTP and TLS have no use for half a connection.
        target.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), Path(sys.argv[2])))
