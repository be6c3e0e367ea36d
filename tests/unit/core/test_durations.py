"""Durations: Go's spelling, a second or more, or a clear refusal."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curfew.access.durations import BadDuration, parse


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1s", 1),
        ("90s", 90),
        ("30m", 1800),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("1000ms", 1),
        ("1m500ms", 60.5),
        ("30m1h", 5400),
        ("8760h", 31536000),
    ],
)
def test_a_duration_is_read_as_go_reads_it(written: str, seconds: float) -> None:
    assert parse(written) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "1",
        "h",
        "1d",
        "1 h",
        " 1h",
        "1h\n",
        "-1h",
        "+1h",
        "1H",
        "1.h",
        ".5h",
        "1,5h",
        "1e3s",
        "0s",
        "999ms",
        "0.9s",
        "inf",
        "nan",
        "1h;drop",
    ],
)
def test_whatever_else_is_refused_with_how_to_write_it(written: str) -> None:
    with pytest.raises(BadDuration, match="write it like 90s, 30m or 1h30m") as caught:
        parse(written)
    assert caught.value.text == written


@pytest.mark.parametrize("written", ["\u0663h", "\uff11h", "\u0967m", "1\u0663s"])
def test_digits_of_other_scripts_are_refused_as_go_refuses_them(written: str) -> None:
    with pytest.raises(BadDuration):
        parse(written)


def test_a_duration_longer_than_any_calendar_is_refused() -> None:
    with pytest.raises(BadDuration):
        parse("9" * 31 + "h")


def test_a_text_without_end_is_refused_and_not_repeated() -> None:
    with pytest.raises(BadDuration) as caught:
        parse("1h" * 500_000)
    assert len(str(caught.value)) < 200


@given(st.text(max_size=40))
def test_any_text_is_a_duration_of_a_second_or_more_or_is_refused(written: str) -> None:
    try:
        found = parse(written)
    except BadDuration:
        return
    assert found >= timedelta(seconds=1)
