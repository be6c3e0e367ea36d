"""The lent binding: its name, its owner and its deadline are in the write that creates it."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curfew.access.binding import EXPIRES_AT, REQUEST_UID, LentBinding, bindings_for
from curfew.objects.meta import OwnerReference
from curfew.objects.rbac import RoleKind, RoleRef, Subject, SubjectKind
from tests.unit.core.samples import DEADLINE, DEPLOYER, EDIT, NOW, annotated, lent, request

(OURS,) = lent(request())
SECOND = timedelta(seconds=1)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2999, 1, 1)).map(  # noqa: DTZ001 - made aware
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


def saying(text: str) -> LentBinding:
    return annotated(OURS, {EXPIRES_AT: text})


def test_every_role_is_bound_once_in_every_namespace_by_a_name_from_the_requests_uid() -> None:
    asked = request(roles=(EDIT, DEPLOYER, EDIT), namespaces=("payments", "shop", "payments"))
    found = bindings_for(asked, DEADLINE)
    assert [(b.metadata.namespace, b.metadata.name, b.role_ref.name) for b in found] == [
        ("payments", "curfew-7f3a-0", "curfew:edit"),
        ("payments", "curfew-7f3a-1", "deployer"),
        ("shop", "curfew-7f3a-0", "curfew:edit"),
        ("shop", "curfew-7f3a-1", "deployer"),
    ]


def test_a_binding_is_for_the_requester_alone_and_carries_owner_label_and_deadline() -> None:
    (found,) = bindings_for(request(), DEADLINE)
    rbac = "rbac.authorization.k8s.io"
    assert found.subjects == (Subject(SubjectKind.USER, "dana", "", rbac),)
    assert found.role_ref == RoleRef(RoleKind.CLUSTER_ROLE, "curfew:edit", rbac)
    assert found.metadata.labels == {REQUEST_UID: "7f3a"}
    assert found.metadata.annotations == {EXPIRES_AT: "2026-03-01T10:00:00Z"}
    assert found.metadata.owner_references == (
        OwnerReference(
            api_version="curfew.dev/v1alpha1",
            kind="AccessRequest",
            name="dana-1",
            uid="7f3a",
            controller=True,
        ),
    )


@given(MOMENTS)
def test_the_deadline_that_is_read_is_the_one_that_was_written(moment: datetime) -> None:
    (found,) = bindings_for(request(), moment)
    assert found.expires_at == moment
    assert not found.is_due(moment - SECOND)
    assert found.is_due(moment)
    assert found.is_due(moment + SECOND)


@pytest.mark.parametrize("hours", [-9, 2, 14])
def test_the_deadline_is_the_same_moment_in_whatever_zone_it_is_on_record(hours: int) -> None:
    elsewhere = DEADLINE.astimezone(timezone(timedelta(hours=hours)))
    (found,) = bindings_for(request(), elsewhere)
    assert found.expires_at == DEADLINE


def test_a_deadline_in_another_zone_is_read_as_the_moment_that_it_is() -> None:
    assert saying("2026-03-01T12:00:00+02:00").expires_at == DEADLINE


@pytest.mark.parametrize("text", ["", "soon", "2026-03-01T10:00:00", "2026-13-01T10:00:00Z", "0"])
def test_a_deadline_that_cannot_be_read_is_a_reason_to_end_it(text: str) -> None:
    assert saying(text).expires_at is None
    assert saying(text).is_due(NOW)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_deadline_off_the_calendar_ends_it_and_stops_no_sweep(text: str) -> None:
    assert saying(text).expires_at is None
    assert saying(text).is_due(NOW)


def test_a_binding_without_annotation_or_label_is_due_and_nobodys() -> None:
    bare = msgspec.structs.replace(
        OURS, metadata=msgspec.structs.replace(OURS.metadata, annotations={}, labels={})
    )
    assert bare.is_due(NOW)
    assert bare.request_uid == ""


@given(st.text(max_size=30))
def test_no_annotation_whatever_breaks_the_reading(text: str) -> None:
    deadline = saying(text).expires_at
    assert deadline is None or deadline.tzinfo is UTC


def test_what_was_read_back_gives_the_same_as_what_was_meant() -> None:
    (meant,) = bindings_for(request(), DEADLINE)
    assert OURS.gives_the_same_as(meant)
    assert meant.gives_the_same_as(OURS)


@pytest.mark.parametrize(
    "other",
    [
        msgspec.structs.replace(OURS, subjects=()),
        msgspec.structs.replace(OURS, subjects=(*OURS.subjects, *OURS.subjects)),
        msgspec.structs.replace(OURS, role_ref=RoleRef(RoleKind.CLUSTER_ROLE, "admin")),
        msgspec.structs.replace(OURS, role_ref=RoleRef(RoleKind.ROLE, "curfew:edit")),
        saying("2026-03-01T10:00:01Z"),
        saying("never"),
        msgspec.structs.replace(
            OURS, metadata=msgspec.structs.replace(OURS.metadata, labels={REQUEST_UID: "other"})
        ),
        msgspec.structs.replace(
            OURS, metadata=msgspec.structs.replace(OURS.metadata, owner_references=())
        ),
    ],
    ids=["nobody", "twice", "role", "kind", "deadline", "unreadable", "request", "owner"],
)
def test_another_subject_role_deadline_or_owner_is_not_the_same(other: LentBinding) -> None:
    (meant,) = bindings_for(request(), DEADLINE)
    assert not other.gives_the_same_as(meant)
