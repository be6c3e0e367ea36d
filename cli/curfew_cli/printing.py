"""How things are printed: tables as kubectl's, times in UTC, JSON and YAML as stored."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
import yaml

from curfew.access.api import GROUP, VERSION, AccessRequest

_GAP = 3


def when(moment: datetime | None) -> str:
    """A moment, or a dash for none."""
    return "-" if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Left-aligned columns."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) + _GAP for column in range(len(head))]
    return "\n".join(
        "".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def structured(requests: Sequence[AccessRequest], form: str, *, as_list: bool) -> str:
    """JSON or YAML: one object, or a List of them."""
    items = [_builtins(request) for request in requests]
    many = {"apiVersion": "v1", "kind": "List", "items": items}
    value: object = many if as_list else items[0]
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    text: str = yaml.safe_dump(value, sort_keys=False)
    return text.rstrip()


def _builtins(request: AccessRequest) -> dict[str, object]:
    content: dict[str, object] = msgspec.to_builtins(request)
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": "AccessRequest", **content}
