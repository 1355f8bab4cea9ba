"""Builds one image from start to archive."""

from pathlib import Path

from hack.images import buildah, debian, wheels
from hack.images.catalog import BASES, SUITE_PYTHON, Base, Image
from hack.images.digest import digest_inputs
from hack.images.layout import CHECKOUT, OUTPUT, archive
from hack.images.plan import Built, Step

_LOCAL = "localhost/realtimeapp-build"
"""Names inside the build storage; an archive carries the image's real tag."""
_BASE_CONTAINERFILE = "hack/images/base.Containerfile"


def hash_inputs(image: Image) -> str:
    """Return the hash of all the image is made from."""
    ignore = f"{image.containerfile}.dockerignore"
    paths = [image.containerfile, *image.sources]
    if (CHECKOUT / ignore).exists():
        paths.append(ignore)
    texts = [debian.key(BASES[image.base]), *(f"{name}={value}" for name, value in image.arguments)]
    if image.requirements:
        texts.append(wheels.made_from((CHECKOUT / image.requirements).read_text(), python=SUITE_PYTHON))
    return digest_inputs(CHECKOUT, paths=paths, texts=texts)


def build(step: Step) -> Built:
    """Build the image and write its archive."""
    image = step.image
    log = OUTPUT / f"{image.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    base = _base_image(BASES[image.base], log=log)
    target = archive(image.name)
    if image.containerfile == _BASE_CONTAINERFILE:
        reference = base
    else:
        wheels.unpack(image, python=SUITE_PYTHON)
        reference = f"{_LOCAL}/{image.name}:latest"
        buildah.build(
            reference,
            containerfile=CHECKOUT / image.containerfile,
            arguments={"BASE_IMAGE": base, **dict(image.arguments)},
            log=log,
        )
    buildah.export(reference, tag=image.tag, target=target, log=log)
    return Built(inputs=step.inputs, size=target.stat().st_size)


def _base_image(base: Base, *, log: Path) -> str:
    rootfs = debian.make(base)
    reference = f"{_LOCAL}/base-{base.name}:{debian.key(base)}"
    if not buildah.exists(reference):
        buildah.build(
            reference,
            containerfile=CHECKOUT / _BASE_CONTAINERFILE,
            context=rootfs.parent,
            arguments={"ROOTFS": rootfs.name},
            log=log,
            keep_times=True,  # the standard library's bytecode names its sources' times
        )
    return reference
