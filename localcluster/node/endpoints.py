"""Which local ports stand behind each Service. Pure."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from localcluster.node.fields import LOOPBACK
from localcluster.node.objects import Pod, Service


class Backend(Protocol):
    """A Pod that a Service may lead to."""

    @property
    def pod(self) -> Pod: ...

    @property
    def ready(self) -> bool: ...

    def local_port(self, port: int | str) -> int | None: ...


def table(services: Sequence[Service], backends: Sequence[Backend]) -> Mapping[str, list[str]]:
    """`ClusterIP:port` to the local addresses of ready Pods; a Service without any is left out."""
    found: dict[str, list[str]] = {}
    for service in services:
        if service.spec.cluster_ip in ("", "None") or not service.spec.selector:
            continue
        ready = [b for b in backends if b.ready and _selects(service, b.pod)]
        for port in service.spec.ports:
            local = [b.local_port(port.target_port or port.port) for b in ready]
            places = sorted(f"{LOOPBACK}:{number}" for number in local if number is not None)
            if places:
                found[f"{service.spec.cluster_ip}:{port.port}"] = places
    return found


def _selects(service: Service, pod: Pod) -> bool:
    wanted = service.spec.selector.items()
    same = service.metadata.namespace == pod.metadata.namespace
    return same and wanted <= pod.metadata.labels.items()
