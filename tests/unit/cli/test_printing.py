"""Tables, moments, JSON and YAML."""

from datetime import UTC, datetime

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from curfew.access.api import AccessRequest
from curfew_cli.printing import structured, table, when
from tests.unit.cli.command import request

cells = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)


@given(st.lists(st.tuples(cells, cells, cells), max_size=6))
def test_each_column_of_a_table_begins_where_its_head_does(
    rows: list[tuple[str, str, str]],
) -> None:
    head = ("NAME", "PHASE", "EXPIRES")
    lines = table(head, rows).split("\n")
    starts = [lines[0].index(word) for word in head]
    assert len(lines) == len(rows) + 1
    for row, line in zip(rows, lines[1:], strict=True):
        ends = [*starts[1:], len(line)]
        found = [line[a:b].rstrip() for a, b in zip(starts, ends, strict=True)]
        assert tuple(found) == row
        assert line == line.rstrip()


def test_a_table_is_as_kubectl_prints_it() -> None:
    assert table(["NAME", "PHASE"], [["req-1", "Active"], ["r", ""]]) == (
        "NAME    PHASE\nreq-1   Active\nr"
    )


def test_a_moment_is_in_whole_seconds_of_utc_and_none_is_a_dash() -> None:
    assert when(datetime(2026, 3, 1, 9, 5, 7, 999_999, tzinfo=UTC)) == "2026-03-01T09:05:07Z"
    assert when(None) == "-"


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_one_request_is_printed_as_one_object_that_can_be_read_again(form: str) -> None:
    text = structured([request()], form, as_list=False)
    found = msgspec.json.decode(text) if form == "json" else yaml.safe_load(text)
    assert list(found)[:2] == ["apiVersion", "kind"]
    assert (found["apiVersion"], found["kind"]) == ("curfew.dev/v1alpha1", "AccessRequest")
    assert found["spec"]["policyRef"] == {"name": "oncall"}
    assert found["status"]["expiresAt"] == "2026-03-01T12:00:00Z"
    again = msgspec.convert(found, AccessRequest)
    assert again == request()
    assert not text.endswith("\n")


@pytest.mark.parametrize("form", ["json", "yaml"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_several_are_printed_as_a_list(form: str, count: int) -> None:
    requests = [request(f"req-{number}") for number in range(count)]
    text = structured(requests, form, as_list=True)
    found = msgspec.json.decode(text) if form == "json" else yaml.safe_load(text)
    assert (found["apiVersion"], found["kind"]) == ("v1", "List")
    names = [item["metadata"]["name"] for item in found["items"]]
    assert names == [f"req-{number}" for number in range(count)]
    assert {item["kind"] for item in found["items"]} <= {"AccessRequest"}


def test_json_is_indented_for_people() -> None:
    assert structured([request()], "json", as_list=False).startswith('{\n  "apiVersion": ')
