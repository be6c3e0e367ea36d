"""The downward API: fields of a Pod as text.

https://kubernetes.io/docs/concepts/workloads/pods/downward-api/
"""

import re
from collections.abc import Mapping

from localcluster.node.objects import Pod
from localcluster.node.waiting import NotYet

NODE = "local-node"
LOOPBACK = "127.0.0.1"
_ENTRY = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")


def field(pod: Pod, path: str) -> str:
    """A field's value; NotYet for one that this node does not know.

    A Pod's and a node's address are loopback: that is where the process may listen.
    """
    meta, spec = pod.metadata, pod.spec
    entry = _ENTRY.fullmatch(path)
    if entry is not None:
        entries = meta.labels if entry[1] == "labels" else meta.annotations
        return entries.get(entry[2], "")
    known = {
        "metadata.name": meta.name,
        "metadata.namespace": meta.namespace,
        "metadata.uid": meta.uid,
        "metadata.labels": _lines(meta.labels),
        "metadata.annotations": _lines(meta.annotations),
        "spec.nodeName": NODE,
        "spec.serviceAccountName": spec.service_account_name,
        **dict.fromkeys(("status.podIP", "status.podIPs"), LOOPBACK),
        **dict.fromkeys(("status.hostIP", "status.hostIPs"), LOOPBACK),
    }
    if path not in known:
        raise NotYet("CreateContainerConfigError", f"this node knows no field {path}")
    return known[path]


def _lines(entries: Mapping[str, str]) -> str:
    return "\n".join(f'{key}="{value}"' for key, value in sorted(entries.items()))
