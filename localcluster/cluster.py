"""The cluster: started in order, each component only when the one before it answers.

Whoever holds a `LocalCluster` may pause, kill and restart its parts, become any user, and read the
audit log. Starting again in the same directory keeps the data, as a machine that was switched off.
"""

import hashlib
import json
import subprocess
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from localcluster import access, audit, components, containers, pki, state
from localcluster.components import (
    APISERVER,
    EGRESS,
    ETCD,
    NODE,
    NODE_USER,
    ORDER,
    STAGES,
    Layout,
)
from localcluster.errors import ComponentFailed, RigError
from localcluster.process import Process

_READY_SECONDS = 120
_POLL_SECONDS = 0.05
_ADMIN = ("local-admin", ("system:masters",))

Clock = Callable[[], datetime]


class LocalCluster:
    """A cluster in a directory of its own; `clock` dates its certificates."""

    def __init__(self, directory: Path, saved: state.State, clock: Clock) -> None:
        self.directory = directory
        self.layout = Layout(directory, saved.ports, Path(saved.socket))
        self.binaries = {name: Path(path) for name, path in saved.binaries.items()}
        self.version = saved.version
        self._clock = clock
        self._extra: dict[str, tuple[str, ...]] = {}

    @property
    def server(self) -> str:
        """The API server's address."""
        return self.layout.server

    @property
    def ca(self) -> Path:
        """The certificate that signs everything in this cluster."""
        return self.layout.pki / "ca.crt"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig (group system:masters)."""
        return self.directory / "kubeconfig"

    def prepare(self) -> None:
        """Write certificates, kubeconfigs and configuration; what is there already is kept."""
        certificates = self.layout.pki
        if not (certificates / "ca.key").exists():
            pki.store(pki.new_authority("curfew-local", self._clock()), certificates, "ca")
        if not (certificates / "accounts.key").exists():
            pki.write_private(certificates / "accounts.key", pki.new_key())
        public = pki.public_key((certificates / "accounts.key").read_bytes())
        pki.write_private(certificates / "accounts.pub", public)
        local = ("127.0.0.1", "localhost")
        pki.store(self._issue("etcd", hosts=local), certificates, "etcd")
        server = self._issue("kube-apiserver", hosts=components.SERVER_HOSTS)
        pki.store(server, certificates, "server")
        pki.store(self._issue(NODE_USER, ("system:masters",)), certificates, "node")
        admin = self._issue(*_ADMIN)
        pki.store(admin, certificates, "admin")
        self._write_kubeconfig(self.kubeconfig, _ADMIN[0], admin)
        controllers = "system:kube-controller-manager"
        target = self.directory / "controllers.kubeconfig"
        self._write_kubeconfig(target, controllers, self._issue(controllers))
        components.write_files(self.layout)
        self._link_binaries()

    def start_all(self, lock: int | None = None) -> None:
        """Start what is not running, in order, and wait until all of it works."""
        for stage in STAGES:
            for name in stage:
                self._launch(name, lock)
            for name in stage:
                self._wait(name)

    def start(self, name: str) -> None:
        """Start a component with the flags it had last, and wait until it works."""
        self._launch(name, None)
        self._wait(name)

    def _launch(self, name: str, lock: int | None) -> None:
        process = self._process(name)
        if process.running() is None:
            argv = [components.program(name, self.binaries), *components.flags(name, self.layout)]
            process.start([*argv, *self._extra.get(name, ())], lock)

    def restart(self, name: str, *extra: str) -> None:
        """Kill a component and start it with these flags added to the usual ones."""
        self.kill(name)
        self._extra[name] = extra
        self.start(name)

    def kill(self, name: str) -> None:
        """End a component at once (kube-apiserver's polite end takes up to a minute)."""
        self._process(name).kill()

    def pause(self, name: str) -> None:
        """Freeze a component: its connections stay open and nothing is answered."""
        self._process(name).pause()

    def resume(self, name: str) -> None:
        """Let a frozen component go on."""
        self._process(name).resume()

    def running(self) -> list[str]:
        """The components whose processes live."""
        return [name for name in ORDER if self._process(name).running() is not None]

    def process_id(self, name: str) -> int:
        """The id of a component's process; RigError if it does not run."""
        process = self._process(name).running()
        if process is None:
            raise ComponentFailed(f"{name} is not running")
        return process.pid

    def kill_all(self) -> None:
        """End every component and every container, by the ids on record."""
        self.kill(NODE)
        containers.end_all(self.directory)
        for name in reversed(ORDER):
            self.kill(name)

    def pods(self, namespace: str) -> list[str]:
        """The names of the Pods in a namespace."""
        get = ("get", "pods", "-n", namespace, "-o", "jsonpath={.items[*].metadata.name}")
        return self.kubectl(*get).stdout.split()

    def pod_log(self, namespace: str, pod: str) -> str:
        """What a Pod's containers have printed, also after its end; RigError if it never ran."""
        return containers.log_of_pod(self.directory, namespace, pod)

    def pod_process_id(self, namespace: str, pod: str) -> int:
        """The id of the process of a Pod's (first) container; RigError if none runs."""
        for found in containers.of_pod(self.directory, namespace, pod):
            if (process := found.running()) is not None:
                return process.pid
        raise ComponentFailed(f"no container of the Pod {pod} in {namespace} runs")

    def kubeconfig_for(self, user: str, groups: tuple[str, ...] = ()) -> Path:
        """A kubeconfig with a client certificate for a user and groups of any name."""
        digest = hashlib.sha256(json.dumps([user, groups]).encode()).hexdigest()[:16]
        path = self.directory / "users" / f"{digest}.kubeconfig"
        if not path.exists():
            self._write_kubeconfig(path, user, self._issue(user, groups))
        return path

    def service_account_token(self, namespace: str, name: str, seconds: int = 3600) -> str:
        """A token of a ServiceAccount that exists (TokenRequest; at least 600 seconds)."""
        duration = f"--duration={seconds}s"
        return self.kubectl("create", "token", name, "-n", namespace, duration).stdout.strip()

    def kubectl(
        self,
        *arguments: str,
        stdin: str | None = None,
        kubeconfig: Path | None = None,
        check: bool = True,
    ) -> "subprocess.CompletedProcess[str]":
        """Run kubectl (as administrator); RigError with its words when it fails and `check`."""
        config = f"--kubeconfig={kubeconfig or self.kubeconfig}"
        done = subprocess.run(
            [self.binaries["kubectl"], config, *arguments],
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if check and done.returncode != 0:
            raise RigError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done

    def compact(self) -> int:
        """Compact etcd at its current revision and return that: older watches get 410."""
        _, answer = self._etcd("kv/range", {"key": "AA=="})
        revision = int(json.loads(answer)["header"]["revision"])
        status, answer = self._etcd("kv/compaction", {"revision": revision, "physical": True})
        if status != 200 and b"has been compacted" not in answer:  # noqa: PLR2004 - HTTP's OK
            raise RigError(f"etcd does not compact: {answer.decode(errors='replace')}")
        return revision

    def route(self, namespace: str, service: str, local: Mapping[int, int]) -> None:
        """Lead the API server's calls to a Service's ports to local ports."""
        get = ("get", "service", service, "-n", namespace, "-o", "jsonpath={.spec.clusterIP}")
        address = self.kubectl(*get).stdout
        table = json.loads(self.layout.services.read_text())
        table |= {f"{address}:{port}": f"127.0.0.1:{target}" for port, target in local.items()}
        pki.write_private(self.layout.services, json.dumps(table).encode())

    def audit(self) -> list[audit.Event]:
        """The audit log so far, oldest first."""
        return audit.read(self.layout.audit_log)

    def _process(self, name: str) -> Process:
        if name not in ORDER:
            raise RigError(f"there is no component {name!r}: one of {', '.join(ORDER)}")
        return Process(name, self.directory)

    def _authority(self) -> pki.Pair:
        directory = self.layout.pki
        return pki.Pair((directory / "ca.crt").read_bytes(), (directory / "ca.key").read_bytes())

    def _issue(
        self, user: str, groups: tuple[str, ...] = (), hosts: tuple[str, ...] = ()
    ) -> pki.Pair:
        return pki.issue(self._authority(), user, self._clock(), groups, hosts)

    def _write_kubeconfig(self, path: Path, user: str, pair: pki.Pair) -> None:
        access.write_kubeconfig(path, self.server, self.ca.read_bytes(), user, pair)

    def _link_binaries(self) -> None:
        shelf = self.directory / "bin"
        shelf.mkdir(exist_ok=True)
        for name, path in self.binaries.items():
            (shelf / name).unlink(missing_ok=True)
            (shelf / name).symlink_to(path)

    def _wait(self, name: str) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not self._works(name):
            if self._process(name).running() is None:
                raise ComponentFailed(f"{name} ended; {self._process(name).last_words()}")
            if time.monotonic() > deadline:
                words = self._process(name).last_words()
                raise ComponentFailed(f"{name} is not ready after {_READY_SECONDS} s; {words}")
            time.sleep(_POLL_SECONDS)

    def _works(self, name: str) -> bool:
        try:
            if name == ETCD:
                return b'"true"' in self._get(f"{self.layout.etcd}/health")
            if name == EGRESS:
                return self.layout.socket.is_socket()
            if name == APISERVER:
                return self._get(f"{self.server}/readyz") == b"ok"
            return b"uid" in self._get(f"{self.server}{_SIGNS[name]}")
        except OSError:
            return False

    def _get(self, url: str) -> bytes:
        status, body = access.ask(self.layout.pki, "admin", url)
        return body if status == 200 else b""  # noqa: PLR2004 - HTTP's OK

    def _etcd(self, call: str, body: object) -> tuple[int, bytes]:
        return access.ask(self.layout.pki, "admin", f"{self.layout.etcd}/v3/{call}", body)


# What is there as soon as the component that makes it works.
_SIGNS = {
    components.CONTROLLERS: "/api/v1/namespaces/default/serviceaccounts/default",
    NODE: f"/api/v1/nodes/{NODE_USER}",
}
