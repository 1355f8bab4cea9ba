"""Decides what to build: pure, from hashes and a record of what was built before."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass

from hack.images.catalog import Image
from hack.images.errors import ImagesError


@dataclass(frozen=True, kw_only=True)
class Built:
    """What is known of an archive that was written."""

    inputs: str
    size: int
    """Bytes of the archive."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One image with the reason to build it; no reason: it is unchanged."""

    image: Image
    inputs: str
    reason: str | None


def select(images: Mapping[str, Image], only: Sequence[str]) -> tuple[Image, ...]:
    """Return the images named by `only`, all of them for an empty one; refuses an unknown name."""
    unknown = sorted(set(only) - set(images))
    if unknown:
        raise ImagesError(f"There is no image {unknown[0]!r}; there are {', '.join(images)}.")
    return tuple(image for name, image in images.items() if not only or name in only)


def plan(
    images: Sequence[Image],
    *,
    inputs: Mapping[str, str],
    built: Mapping[str, Built],
    archives: Collection[str],
) -> tuple[Step, ...]:
    """Compare each image's `inputs` hash to what was `built` and to the `archives` that still exist."""
    steps = []
    for image in images:
        before = built.get(image.name)
        if before is None:
            reason: str | None = "not built before"
        elif image.name not in archives:
            reason = "its archive is gone"
        elif before.inputs != inputs[image.name]:
            reason = "what it is made from changed"
        else:
            reason = None
        steps.append(Step(image=image, inputs=inputs[image.name], reason=reason))
    return tuple(steps)


def parse_record(text: str) -> dict[str, Built]:
    """Read the record back; an unreadable one means that nothing is known, never an error."""
    try:
        return {name: Built(**entry) for name, entry in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def render_record(built: Mapping[str, Built]) -> str:
    """Return the record as JSON text."""
    return json.dumps({name: asdict(entry) for name, entry in sorted(built.items())}, indent=1) + "\n"
