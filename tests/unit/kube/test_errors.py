"""Errors: whose fault, in the API server's own words."""

from curfew_kube.errors import (
    AlreadyExists,
    CallerFault,
    ClusterFault,
    Conflict,
    Expired,
    Forbidden,
    Overloaded,
    ServerFailed,
    Unreachable,
    refusal,
)
from curfew_kube.status import Details, Status, read_status


def test_each_code_has_its_error_and_each_error_its_side() -> None:
    kinds = {code: type(refusal("GET /x", Status(code=code), None)) for code in (403, 409, 410)}
    assert kinds == {403: Forbidden, 409: Conflict, 410: Expired}
    taken = refusal("POST /x", Status(code=409, reason="AlreadyExists"), None)
    assert type(taken) is AlreadyExists
    assert isinstance(refusal("GET /x", Status(code=418), None), CallerFault)
    assert isinstance(refusal("GET /x", Status(code=503), None), ServerFailed)
    busy = refusal("GET /x", Status(code=429), None, 2.0)
    assert isinstance(busy, Overloaded)
    assert isinstance(busy, ClusterFault)
    assert busy.retry_after == 2.0
    starting = refusal("GET /x", Status(code=503), None, 3.0)
    assert isinstance(starting, ServerFailed)
    assert starting.retry_after == 3.0
    in_stream = refusal("GET /x", Status(code=504, details=Details(retry_after_seconds=4)), None)
    assert isinstance(in_stream, ServerFailed)
    assert in_stream.retry_after == 4.0


def test_the_text_holds_the_call_and_the_servers_message() -> None:
    status = read_status(403, b'{"code":403,"reason":"Forbidden","message":"not you"}')
    assert str(refusal("GET /x", status, None)) == "GET /x: 403 Forbidden: not you"


def test_a_proxys_page_is_quoted_where_there_is_no_status() -> None:
    assert read_status(502, b"<html>bad gateway</html>").message == "<html>bad gateway</html>"
    assert read_status(502, b"").message == "no reason was given"
    assert read_status(None, b'{"code":410,"message":"too old"}').code == 410


def test_an_answer_that_never_came_says_whether_the_write_may_have_happened() -> None:
    assert "nothing was sent" in str(Unreachable("POST /x", "refused", sent=False))
    assert "not known whether" in str(Unreachable("POST /x", "reset", sent=True))
