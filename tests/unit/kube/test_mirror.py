"""The mirror: whatever lists and events come, the changes told add up to the truth, each once."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from curfew.objects.meta import ObjectMeta
from curfew_kube.mirror import Added, Deleted, EventType, Mirror, Modified


class Thing(msgspec.Struct, frozen=True):
    metadata: ObjectMeta


def thing(name: str, uid: str, version: str) -> Thing:
    return Thing(ObjectMeta(name=name, namespace="n", uid=uid, resource_version=version))


THINGS = st.builds(
    thing, st.sampled_from("abcd"), st.sampled_from(["u1", "u2"]), st.sampled_from("123")
)
STEPS = st.lists(
    st.one_of(
        st.lists(THINGS, unique_by=lambda t: t.metadata.name),
        st.tuples(st.sampled_from(EventType), THINGS),
    ),
    max_size=20,
)


@given(STEPS)
def test_whoever_plays_the_changes_back_knows_what_the_mirror_knows(
    steps: list[list[Thing] | tuple[EventType, Thing]],
) -> None:
    mirror: Mirror[Thing] = Mirror()
    played: dict[str, tuple[str, str]] = {}
    for step in steps:
        changes = mirror.replace(step) if isinstance(step, list) else mirror.apply(*step)
        for change in changes:
            match change:
                case Added(object=o):
                    assert o.metadata.name not in played
                    played[o.metadata.name] = (o.metadata.uid, o.metadata.resource_version)
                case Modified(object=o):
                    assert played[o.metadata.name][0] == o.metadata.uid
                    assert played[o.metadata.name][1] != o.metadata.resource_version
                    played[o.metadata.name] = (o.metadata.uid, o.metadata.resource_version)
                case Deleted(name=name, uid=uid):
                    assert played.pop(name)[0] == uid
        if isinstance(step, list):
            assert played == {
                t.metadata.name: (t.metadata.uid, t.metadata.resource_version) for t in step
            }
        assert len(mirror) == len(played)


def test_an_object_that_was_deleted_and_made_again_in_a_gap_is_two_changes() -> None:
    mirror: Mirror[Thing] = Mirror()
    list(mirror.replace([thing("a", "u1", "1")]))
    assert list(mirror.replace([thing("a", "u2", "5")])) == [
        Deleted("n", "a", "u1"),
        Added(thing("a", "u2", "5")),
    ]


def test_the_end_of_an_older_object_does_not_touch_its_successor() -> None:
    mirror: Mirror[Thing] = Mirror()
    list(mirror.replace([thing("a", "u2", "5")]))
    assert list(mirror.apply(EventType.DELETED, thing("a", "u1", "4"))) == []
    assert len(mirror) == 1
