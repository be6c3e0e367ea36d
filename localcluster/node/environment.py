"""A container's variables: its own and the few that it finds everywhere, nothing of ours."""

import os
import sys
from pathlib import Path

from localcluster.node.api import Api
from localcluster.node.command import expand
from localcluster.node.fields import field
from localcluster.node.objects import Container, EnvFrom, EnvSource, KeyRef, Pod
from localcluster.node.sources import Sources
from localcluster.node.waiting import NotYet


def base(home: Path, api: Api) -> dict[str, str]:
    """What every container finds: this Python's programs first, and the way to the API server."""
    return {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.defpath)),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "KUBERNETES_SERVICE_HOST": api.host,
        "KUBERNETES_SERVICE_PORT": str(api.port),
        "KUBERNETES_SERVICE_PORT_HTTPS": str(api.port),
    }


async def variables(
    container: Container, pod: Pod, sources: Sources, found: dict[str, str]
) -> dict[str, str]:
    """`found` and the container's own variables; NotYet while something they need is absent."""
    known = dict(found)
    for source in container.env_from:
        known |= await _all(source, sources)
    for env in container.env:
        if env.value_from is None:
            known[env.name] = expand(env.value, known)
            continue
        value = await _one(env.value_from, pod, sources)
        if value is not None:
            known[env.name] = value
    return known


async def _all(source: EnvFrom, sources: Sources) -> dict[str, str]:
    content: dict[str, bytes] = {}
    if (ref := source.config_map_ref) is not None:
        content |= await sources.config_map(ref.name, optional=ref.optional) or {}
    if (ref := source.secret_ref) is not None:
        content |= await sources.secret(ref.name, optional=ref.optional) or {}
    return {source.prefix + key: value.decode() for key, value in content.items()}


async def _one(source: EnvSource, pod: Pod, sources: Sources) -> str | None:
    if source.field_ref is not None:
        return field(pod, source.field_ref.field_path)
    if (ref := source.config_map_key_ref) is not None:
        return _key(await sources.config_map(ref.name, optional=ref.optional), ref)
    if (ref := source.secret_key_ref) is not None:
        return _key(await sources.secret(ref.name, optional=ref.optional), ref)
    raise NotYet("CreateContainerConfigError", "this node knows no such source of a variable")


def _key(content: dict[str, bytes] | None, ref: KeyRef) -> str | None:
    value = (content or {}).get(ref.key)
    if value is None and not ref.optional:
        raise NotYet("CreateContainerConfigError", f"{ref.name!r} has no key {ref.key!r}")
    return None if value is None else value.decode()
