"""Bodies that are no review: each is answered in words, and the webhook goes on."""

import asyncio
import zlib
from collections.abc import AsyncIterator

import msgspec
import pytest

from curfew_webhook import app
from curfew_webhook.app import LARGEST_BODY
from tests.contract.reviewing import READ_PODS, Book, Site, binding, on_site, resolved, review

GOOD = msgspec.json.encode(review(binding()))
DEPTH = 200_000


def told(body: bytes | AsyncIterator[bytes], path: str = "/validate", **named: str) -> str:
    """The status and words of the answer to a body; a review after it is answered as ever."""
    found: list[str] = []

    async def scenario(site: Site) -> None:
        headers = {name.replace("_", "-"): value for name, value in named.items()}
        status, words = await site.send(body, path, headers=headers)
        found.append(f"{status} {words.decode()}")
        assert (await site.ask(review(binding())))["allowed"] is True

    on_site(Book(helper=resolved(READ_PODS)), scenario)
    return found[0]


async def _pieces(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 65_536):
        yield b" " * 65_536
    yield b" " * (size % 65_536)


def _in_review(field: bytes) -> bytes:
    return GOOD.replace(b'"object":{', b'"options2":' + field + b',"object":{', 1)


@pytest.mark.parametrize("path", ["/validate", "/mutate"])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "400 the body is empty"),
        (b"{", "400 the body is no AdmissionReview: Input data was truncated"),
        (b"[]", "400 the body is no AdmissionReview: Expected `object`, got `array`"),
        (b"null", "400 the body is no AdmissionReview: Expected `object`, got `null`"),
        (GOOD[:-5], "400 the body is no AdmissionReview: Input data was truncated"),
        (GOOD + b"{}", "400 the body is no AdmissionReview: JSON is malformed"),
        (GOOD.replace(b'"uid":"705ab', b'"uid":"\xff'), "400 the body is no AdmissionReview: "),
        (
            GOOD.replace(b'"name":"dana"', b'"name":"d\\qna"'),
            "400 the body is no AdmissionReview: ",
        ),
        (b"\xff\xfe{}", "400 the body is no AdmissionReview: "),
        (GOOD.replace(b'"CREATE"', b'"EAT"', 1), "400 the body is no AdmissionReview: Invalid"),
        (GOOD.replace(b"705ab4f5-6393-11e8-b7cc-42010a800002", b""), "400 request.uid is empty"),
    ],
    ids=[
        "empty",
        "cut short",
        "a list",
        "null",
        "cut late",
        "two",
        "no UTF-8",
        "no escape",
        "UTF-16",
        "a strange operation",
        "no uid",
    ],
)
def test_a_body_that_is_no_review_is_told_so(body: bytes, words: str, path: str) -> None:
    assert told(body, path).startswith(words)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"kind":"AdmissionReview"', b'"kind":"ConversionReview"'),
        (b'"admission.k8s.io/v1"', b'"admission.k8s.io/v1beta1"'),
    ],
)
def test_a_review_of_another_kind_or_version_is_told_so(before: bytes, after: bytes) -> None:
    words = told(GOOD.replace(before, after, 1))
    assert words.startswith("400 the body is ")
    assert "not AdmissionReview admission.k8s.io/v1" in words


@pytest.mark.parametrize(
    "body",
    [
        b"[" * DEPTH,
        b'{"request":' * DEPTH,
        _in_review(b"[" * DEPTH + b"]" * DEPTH),
        GOOD.replace(b'"labels":{', b'"labels":' + b"[" * DEPTH + b"]" * DEPTH + b',"x":{', 1),
    ],
    ids=["lists", "reviews", "beside the object", "inside the object"],
)
def test_nesting_without_end_is_told_so(body: bytes) -> None:
    assert told(body).startswith("400 the body is no AdmissionReview: ")


def test_an_object_that_is_no_utf_8_is_a_refusal_in_words_and_no_crash(
    caplog: pytest.LogCaptureFixture,
) -> None:
    words = told(GOOD.replace(b'"name":"dana"', b'"name":"d\xffna"', 1))
    assert '"allowed":false' in words
    assert "could not tell: the binding cannot be read: " in words
    assert caplog.records == []


def test_a_body_as_large_as_may_be_is_read() -> None:
    assert told(GOOD.ljust(LARGEST_BODY)).startswith("200 ")


@pytest.mark.parametrize("size", [LARGEST_BODY + 1, 4 * LARGEST_BODY])
def test_a_body_that_announces_more_is_not_read(size: int) -> None:
    assert told(b" " * size).startswith(f"413 the body is larger than {LARGEST_BODY} bytes")


@pytest.mark.parametrize("size", [LARGEST_BODY + 1, 4 * LARGEST_BODY])
def test_a_body_in_chunks_is_read_no_further_than_that(size: int) -> None:
    assert told(_pieces(size)).startswith(f"413 the body is larger than {LARGEST_BODY} bytes")


def test_a_body_that_does_not_come_to_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_BODY_WITHIN", 0.05)

    async def scenario(site: Site) -> None:
        async with site.client(connections=1) as session:
            status, words = await site.send(_never_ending(), session=session)
        assert status == 408
        assert words.startswith(b"the body was not sent within")
        assert (await site.ask(review(binding())))["allowed"] is True

    on_site(Book(helper=resolved(READ_PODS)), scenario)


async def _never_ending() -> AsyncIterator[bytes]:
    yield b"{"
    for _ in range(100):
        await asyncio.sleep(0.02)
        yield b" "


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/yaml", "application/x-www-form-urlencoded", ""]
)
def test_another_content_type_is_told_so(kind: str) -> None:
    words = told(GOOD, content_type=kind)
    assert words.startswith("415 the content type is ")
    assert "not application/json" in words


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_by_any_spelling_of_its_type_is_read(kind: str) -> None:
    assert told(GOOD, content_type=kind).startswith("200 ")


@pytest.mark.parametrize("encoding", ["deflate", "gzip", "identity, br"])
def test_a_compressed_body_is_not_read(encoding: str) -> None:
    words = told(zlib.compress(GOOD), content_encoding=encoding)
    assert words.startswith("415 a compressed body is not read")


def test_only_reviews_that_are_posted_are_answered() -> None:
    async def scenario(site: Site) -> None:
        assert await site.get("/validate") == 405
        assert await site.get("/mutate") == 405
        assert await site.get("/") == 404
        assert await site.get("/docs") == 404
        assert await site.get("/openapi.json") == 404

    on_site(Book(), scenario)
