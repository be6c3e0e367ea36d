"""A volume changes all at once, and a Service leads to those Pods that are ready."""

import stat
from dataclasses import dataclass
from pathlib import Path

from localcluster.node.endpoints import table
from localcluster.node.objects import Meta, Pod, PodSpec, Service, ServicePort, ServiceSpec
from localcluster.node.publishing import publish


@dataclass
class _Backend:
    """A Pod whose port 8443, called `hook`, is the local `local`."""

    local: int
    ready: bool = True
    namespace: str = "ns"
    label: str = "app"

    @property
    def pod(self) -> Pod:
        meta = Meta(namespace=self.namespace, labels={"app": self.label, "more": "x"})
        return Pod(meta, PodSpec([]))

    def local_port(self, port: int | str) -> int | None:
        return self.local if port in (8443, "hook") else None


def _service(target: int | str, address: str = "10.96.0.9", app: str = "app") -> Service:
    spec = ServiceSpec(address, {"app": app} if app else {}, [ServicePort(443, target)])
    return Service(Meta(name="s", namespace="ns"), spec)


def test_a_service_leads_to_each_ready_pod_of_its_selector_and_namespace() -> None:
    backends = [
        _Backend(2),
        _Backend(1),
        _Backend(3, ready=False),
        _Backend(4, namespace="other"),
        _Backend(5, label="other"),
    ]
    expected = {"10.96.0.9:443": ["127.0.0.1:1", "127.0.0.1:2"]}
    assert table([_service("hook")], backends) == expected
    assert table([_service(8443)], backends) == expected


def test_a_service_without_pods_address_selector_or_such_a_port_has_no_entry() -> None:
    ready = [_Backend(1)]
    assert table([_service("hook")], [_Backend(1, ready=False)]) == {}
    assert table([_service("hook", address="None")], ready) == {}
    assert table([_service("hook", app="")], ready) == {}
    assert table([_service("unknown")], ready) == {}


def test_a_directory_holds_what_was_published_last_and_its_files_are_private(
    tmp_path: Path,
) -> None:
    volume = tmp_path / "volume"
    publish(volume, {"a": b"1", "deep/b": b"2"})
    assert (volume / "a").read_bytes() == b"1"
    assert stat.S_IMODE((volume / "deep" / "b").stat().st_mode) == 0o600
    held_open = (volume / "a").open("rb")
    publish(volume, {"a": b"3", "c": b"4"})
    with held_open:
        assert held_open.read() == b"1"
    assert sorted(p.name for p in volume.iterdir() if not p.name.startswith("..")) == ["a", "c"]
    assert (volume / "a").read_bytes() == b"3"
    assert len([p for p in volume.iterdir() if p.name.startswith("..")]) == 2
