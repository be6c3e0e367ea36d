"""What proves who we are, as one value; and the port that the client asks for it.

Two implementations: `in_cluster` (files that the kubelet rotates) and `kubeconfig`.
"""

import ssl
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Credentials:
    """Where the API server is, what it is trusted by, and what is sent to it.

    `trusted` says in words where the authority's certificate comes from. `token` is None where a
    client certificate (in `tls`) does the work. `server_name` is the name that the server's
    certificate must hold where it is another than the address (`tls-server-name`); `proxy` the
    address of an HTTP proxy on the way (`proxy-url`, `HTTPS_PROXY`).
    """

    server: str
    tls: ssl.SSLContext
    trusted: str
    token: str | None = None
    server_name: str | None = None
    proxy: str | None = None


class CredentialSource(Protocol):
    """Gives the credentials of this moment, since they rotate."""

    async def current(self, *, refused: Credentials | None = None) -> Credentials:
        """Return valid credentials; never `refused` ones again without reading them anew.

        Raises CredentialFault.
        """
        ...
