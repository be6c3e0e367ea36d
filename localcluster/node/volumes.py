"""A Pod's volumes: directories of its own, whose files follow their sources."""

from pathlib import Path

from msgspec import UNSET

from localcluster.node.fields import field
from localcluster.node.objects import Container, Data, Item, Pod, Source, Volume
from localcluster.node.publishing import publish
from localcluster.node.sources import Sources
from localcluster.node.waiting import NotYet


class Volumes:
    """The volumes of one Pod below `directory`."""

    def __init__(self, pod: Pod, directory: Path, sources: Sources) -> None:
        self._pod = pod
        self._directory = directory
        self._sources = sources
        self._published: dict[str, dict[str, bytes]] = {}

    def mounts(self, container: Container) -> dict[str, str]:
        """Each mount path of a container, and the local path that stands for it."""
        return {
            mount.mount_path: str(self._directory / mount.name / mount.sub_path)
            for mount in container.volume_mounts
        }

    async def refresh(self) -> None:
        """Bring all files up to date; NotYet while something that they need is absent."""
        for volume in self._pod.spec.volumes:
            files = await self._files(volume)
            if files is None:
                (self._directory / volume.name).mkdir(parents=True, exist_ok=True, mode=0o700)
            elif files != self._published.get(volume.name):
                publish(self._directory / volume.name, files)
                self._published[volume.name] = files

    async def _files(self, volume: Volume) -> dict[str, bytes] | None:
        if volume.projected is not None:
            files: dict[str, bytes] = {}
            for source in volume.projected.sources:
                files |= await self._projection(source)
            return files
        if volume.empty_dir is not UNSET:
            return None
        if volume.secret or volume.config_map or volume.downward_api:
            kinds = (volume.config_map, volume.secret, None, volume.downward_api)
            return await self._projection(Source(*kinds))
        raise NotYet("ContainerCreating", f"this node has no volumes like {volume.name!r}")

    async def _projection(self, source: Source) -> dict[str, bytes]:
        if (data := source.config_map) is not None:
            name = data.name
            return _selected(await self._sources.config_map(name, optional=data.optional), data)
        if (data := source.secret) is not None:
            name = data.secret_name or data.name
            return _selected(await self._sources.secret(name, optional=data.optional), data)
        if (token := source.service_account_token) is not None:
            return {token.path: (await self._sources.token(token)).encode()}
        if source.downward_api is not None:
            items = source.downward_api.items
            return {i.path: field(self._pod, i.field_ref.field_path).encode() for i in items}
        raise NotYet("ContainerCreating", "this node has no such projection")


def _selected(content: dict[str, bytes] | None, data: Data) -> dict[str, bytes]:
    if content is None:
        return {}
    items = data.items or [Item(key, key) for key in content]
    missing = [item.key for item in items if item.key not in content]
    if missing and not data.optional:
        raise NotYet("ContainerCreating", f"{data.name or data.secret_name} lacks {missing[0]!r}")
    return {item.path: content[item.key] for item in items if item.key in content}
