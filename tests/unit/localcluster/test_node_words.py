"""What a Pod's words become on this machine."""

import pytest

from localcluster.node.command import expand, rewrite

_MOUNTS = {"/etc/app": "/d/config", "/etc/app/tls/": "/d/tls", "/var": "/d/var"}
_PORTS = {8443: 40001, 80: 40002}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(NAME)", "app"),
        ("--name=$(NAME)/$(NAME)", "--name=app/app"),
        ("$$(NAME)", "$(NAME)"),
        ("$$$(NAME)", "$app"),
        ("$(NOBODY)", "$(NOBODY)"),
        ("costs $5 or $$5", "costs $5 or $5"),
    ],
)
def test_a_reference_becomes_its_variable_as_in_kubernetes(text: str, expanded: str) -> None:
    assert expand(text, {"NAME": "app"}) == expanded


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("/etc/app", "/d/config"),
        ("/etc/app/a.yaml", "/d/config/a.yaml"),
        ("--config=/etc/app/a.yaml", "--config=/d/config/a.yaml"),
        ("/etc/app/tls/tls.crt", "/d/tls/tls.crt"),
        ("/etc/application", "/etc/application"),
        ("/home/etc/app", "/home/etc/app"),
        ("see /etc/app", "see /etc/app"),
    ],
)
def test_a_mount_is_found_at_the_start_and_after_an_equals_sign_and_only_whole(
    text: str, rewritten: str
) -> None:
    assert rewrite(text, _MOUNTS, _PORTS) == rewritten


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("8443", "40001"),
        ("--port=8443", "--port=40001"),
        ("--port=80", "--port=40002"),
        ("18443", "18443"),
        ("--port=84430", "--port=84430"),
        ("host:8443", "host:8443"),
    ],
)
def test_a_port_is_rewritten_only_where_it_is_the_whole_value(text: str, rewritten: str) -> None:
    assert rewrite(text, _MOUNTS, _PORTS) == rewritten


def test_nothing_is_rewritten_where_there_is_nothing_to_rewrite() -> None:
    assert rewrite("--port=8443", {}, {}) == "--port=8443"
