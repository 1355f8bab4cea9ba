"""What `python -m hack.images` builds, and what it leaves alone."""

from dataclasses import replace

import pytest

from hack.images.catalog import BASES, IMAGES, Image
from hack.images.errors import ImagesError
from hack.images.plan import Built, parse_record, plan, render_record, select

ONE = Image(name="one", tag="localhost/one:dev", base="python", containerfile="one/Containerfile")
TWO = replace(ONE, name="two", tag="localhost/two:dev")
INPUTS = {"one": "aaaa", "two": "bbbb"}
BUILT = {name: Built(inputs=inputs, size=10) for name, inputs in INPUTS.items()}


def reasons(
    *,
    inputs: dict[str, str] = INPUTS,
    built: dict[str, Built] = BUILT,
    archives: tuple[str, ...] = ("one", "two"),
) -> dict[str, str | None]:
    steps = plan((ONE, TWO), inputs=inputs, built=built, archives=archives)
    return {step.image.name: step.reason for step in steps}


def test_nothing_is_built_twice() -> None:
    assert reasons() == {"one": None, "two": None}


def test_first_run_builds_everything() -> None:
    assert reasons(built={}, archives=()) == {"one": "not built before", "two": "not built before"}


def test_only_the_image_whose_inputs_changed_is_built() -> None:
    changed = {**INPUTS, "two": "cccc"}
    assert reasons(inputs=changed) == {"one": None, "two": "what it is made from changed"}


def test_removed_archive_is_built_again() -> None:
    assert reasons(archives=("two",)) == {"one": "its archive is gone", "two": None}


def test_step_carries_the_hash_that_is_recorded() -> None:
    steps = plan((ONE,), inputs=INPUTS, built={}, archives=())
    assert [step.inputs for step in steps] == ["aaaa"]


def test_record_survives_writing_and_reading() -> None:
    assert parse_record(render_record(BUILT)) == BUILT


@pytest.mark.parametrize("text", ["", "{", "[]", '{"one": 1}', '{"one": {"inputs": "a", "unknown": 1}}'])
def test_unreadable_record_means_that_nothing_was_built(text: str) -> None:
    assert parse_record(text) == {}


def test_selection_keeps_the_catalogue_order() -> None:
    assert [image.name for image in select(IMAGES, ["operator", "base"])] == ["base", "operator"]


def test_no_selection_is_everything() -> None:
    assert select(IMAGES, []) == tuple(IMAGES.values())


def test_unknown_image_is_refused_with_the_ones_there_are() -> None:
    with pytest.raises(ImagesError, match=r"^There is no image 'typo'; there are one, two\.$"):
        select({"one": ONE, "two": TWO}, ["one", "typo"])


def test_every_image_has_a_known_base_and_a_tag_of_its_own() -> None:
    assert {image.base for image in IMAGES.values()} <= set(BASES)
    assert len({image.tag for image in IMAGES.values()}) == len(IMAGES)
