"""A pod's own ServiceAccount.

The kubelet writes a new token well before the old one ends, and swaps the files behind a symbolic
link (https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/). So the
files are looked at before each use, and read when they are others than last time.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from curfew_kube.credentials import Credentials
from curfew_kube.errors import CredentialFault

_MOUNTED = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True)
class _Stamp:
    token: tuple[int, int, int]
    authority: tuple[int, int, int]


class InCluster:
    """Reads `token` and `ca.crt` from `directory`; the server from the pod's environment."""

    def __init__(self, environment: Mapping[str, str], directory: Path = _MOUNTED) -> None:
        host = environment.get("KUBERNETES_SERVICE_HOST", "")
        port = environment.get("KUBERNETES_SERVICE_PORT", "")
        if not host or not port:
            raise CredentialFault(
                "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set:"
                " this is not a pod; use a kubeconfig"
            )
        self._server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        self._token = directory / "token"
        self._authority = directory / "ca.crt"
        self._read: tuple[_Stamp, Credentials] | None = None

    async def current(self, *, refused: Credentials | None = None) -> Credentials:
        """Return what the files hold now; raises CredentialFault naming the file at fault."""
        try:
            stamp = _Stamp(_stamp(self._token), _stamp(self._authority))
            if self._read is None or self._read[1] is refused or self._read[0] != stamp:
                self._read = (stamp, self._load())
        except (OSError, ssl.SSLError, UnicodeDecodeError) as error:
            raise CredentialFault(
                f"the ServiceAccount files in {self._token.parent} cannot be read: {error};"
                f" is automountServiceAccountToken off?"
            ) from error
        return self._read[1]

    def _load(self) -> Credentials:
        token = self._token.read_text("ascii").strip()
        if not token:
            raise CredentialFault(f"{self._token} is empty")
        tls = ssl.create_default_context(cafile=self._authority)
        return Credentials(self._server, tls, str(self._authority), token)


def _stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return (found.st_ino, found.st_mtime_ns, found.st_size)
