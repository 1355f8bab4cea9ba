"""Builds from a Containerfile with buildah, in a storage of its own, and leaves no mount behind."""

from collections.abc import Mapping
from pathlib import Path

from hack.images.command import capture, run
from hack.images.layout import CHECKOUT, shared_cache

_ENVIRONMENT = {"STORAGE_DRIVER": "overlay", "BUILDAH_ISOLATION": "chroot"}


def _program() -> list[str]:
    storage = shared_cache() / "storage"
    return ["buildah", "--root", str(storage / "root"), "--runroot", str(storage / "run")]


def exists(reference: str) -> bool:
    """Tell whether the storage has the image."""
    return (
        capture(
            [
                "unshare",
                "--mount",
                "--propagation",
                "private",
                *_program(),
                "inspect",
                "--type",
                "image",
                reference,
            ],
            environment=_ENVIRONMENT,
        )
        is not None
    )


def build(  # noqa: PLR0913 - one build has these inputs
    reference: str,
    *,
    containerfile: Path,
    context: Path = CHECKOUT,
    arguments: Mapping[str, str],
    log: Path,
    keep_times: bool = False,
) -> None:
    """Build the image `reference`; all its files get one time stamp (equal inputs, equal digest) by default."""
    ignore = containerfile.with_name(f"{containerfile.name}.dockerignore")
    run(
        [
            *_program(),
            *("build", "--layers", "--pull-never", "--file", str(containerfile), "--tag", reference),
            *(["--ignorefile", str(ignore)] if ignore.exists() else []),
            *([] if keep_times else ["--timestamp", "0"]),
            *(f"--build-arg={name}={value}" for name, value in arguments.items()),
            str(context),
        ],
        log=log,
        environment=_ENVIRONMENT,
        private_mounts=True,
    )


def export(reference: str, *, tag: str, target: Path, log: Path) -> None:
    """Write the image as OCI archive under the name `tag`.

    Weak zstd takes half the time of the default compression, and every containerd since 1.5 reads it.
    """
    unfinished = target.with_name(f".{target.name}")
    unfinished.unlink(missing_ok=True)
    run(
        [
            *_program(),
            *("push", "--compression-format", "zstd", "--compression-level", "1"),
            reference,
            f"oci-archive:{unfinished}:{tag}",
        ],
        log=log,
        environment=_ENVIRONMENT,
        private_mounts=True,
    )
    unfinished.replace(target)


def remove_unused(*, log: Path) -> None:
    """Drop layers no tagged image needs."""
    run([*_program(), "rmi", "--prune", "--force"], log=log, environment=_ENVIRONMENT, private_mounts=True)
