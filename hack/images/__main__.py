"""Command line: `python -m hack.images`."""

import argparse
import contextlib
import fcntl
import sys
import time
from collections.abc import Iterator, Sequence

from hack.cluster import load
from hack.cluster.errors import ClusterError
from hack.cluster.layout import NODE, default_state
from hack.images import buildah, builder, debian, layout, wheels
from hack.images.catalog import BASES, IMAGES, PUBLIC_PYTHON, Image
from hack.images.errors import ImagesError
from hack.images.machine import require_builder
from hack.images.plan import Built, Step, parse_record, plan, render_record, select

_MEGABYTE = 1e6


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        chosen = select(IMAGES, options.only)
        if options.prepare:
            _prepare(chosen, python=options.python)
        elif options.list:
            _list(_plan(chosen))
        else:
            _build(chosen, into_cluster=options.load)
    except (ImagesError, ClusterError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; what was built stays", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m hack.images",
        description="Build the images whose inputs changed, write them as OCI archives below .cache/images, "
        "and load them into the cluster of this checkout (hack.cluster) where it runs.",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help=f"this image, may be repeated; one of {', '.join(IMAGES)}",
    )
    parser.add_argument("--list", action="store_true", help="say what would be built, and build nothing")
    parser.add_argument("--no-load", dest="load", action="store_false", help="leave the cluster alone")
    parser.add_argument(
        "--prepare",
        action="store_true",
        help="only unpack the Python dependencies, for a build with docker or podman",
    )
    parser.add_argument(
        "--python",
        default=PUBLIC_PYTHON,
        metavar="VERSION",
        help="with --prepare: the Python of the base image (default: %(default)s)",
    )
    return parser


def _plan(images: Sequence[Image]) -> tuple[Step, ...]:
    return plan(
        images,
        inputs={image.name: builder.hash_inputs(image) for image in images},
        built=_read_record(),
        archives={image.name for image in images if layout.archive(image.name).exists()},
    )


def _list(steps: Sequence[Step]) -> None:
    for step in steps:
        path = layout.archive(step.image.name)
        size = f"{path.stat().st_size / _MEGABYTE:.0f} MB" if path.exists() else "-"
        state = f"to build: {step.reason}" if step.reason else "unchanged"
        print(f"{step.image.name:<10} {step.image.tag:<34} {size:>7}  {state}")


def _prepare(images: Sequence[Image], *, python: str) -> None:
    for folder in dict.fromkeys(wheels.unpack(image, python=python) for image in images):
        if folder:
            _say(f"dependencies for Python {python} are in {folder.relative_to(layout.CHECKOUT)}")


def _build(images: Sequence[Image], *, into_cluster: bool) -> None:
    with _alone():
        steps = _plan(images)
        if any(step.reason for step in steps):
            require_builder()
        for step in steps:
            _build_step(step)
        if any(step.reason for step in steps):
            buildah.remove_unused(log=layout.OUTPUT / "storage.log")
    if into_cluster:
        _load(images)


def _build_step(step: Step) -> None:
    name = step.image.name
    if step.reason is None:
        _say(f"{name:<10} unchanged")
        return
    if not debian.location(BASES[step.image.base]).exists():
        _say(f"{name:<10} its Debian base is made first, once for all checkouts: about a minute")
    _say(f"{name:<10} building: {step.reason}")
    began = time.monotonic()
    done = builder.build(step)
    _write_record({**_read_record(), name: done})
    _say(
        f"{name:<10} built in {time.monotonic() - began:.1f} s, {done.size / _MEGABYTE:.0f} MB: {step.image.tag}"
    )


def _load(images: Sequence[Image]) -> None:
    if not default_state(NODE).containerd_socket.exists():
        _say(
            "not loaded: no cluster of this checkout runs (`make cluster` starts one, then `make images` loads them)"
        )
        return
    imported = load([layout.archive(image.name) for image in images])
    _say(f"loaded into the cluster: {len(imported)} of {len(images)}, it had the others")


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Wait for another checkout's build: the storage and the bases are shared."""
    lock = layout.shared_cache() / "lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    layout.OUTPUT.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("waiting for another build of images to end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read_record() -> dict[str, Built]:
    return parse_record(layout.RECORD.read_text()) if layout.RECORD.exists() else {}


def _write_record(built: dict[str, Built]) -> None:
    unfinished = layout.RECORD.with_suffix(".new")
    unfinished.write_text(render_record(built))
    unfinished.replace(layout.RECORD)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
