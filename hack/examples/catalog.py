"""Which examples there are, and where the parts of one are found."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from hack.examples.driver import ExampleError, Object, Support

if TYPE_CHECKING:
    from hack.examples.driver import Driver

FOLDER = Path(__file__).resolve().parents[2] / "examples"
NAMES = ("djust-counter", "channels-chat", "realtime-chat", "aws-websockets", "django-shop")
"""One per framework, in the order of the documentation."""


def load_driver(name: str) -> Driver:
    """The driver of an example."""
    module = importlib.import_module(f"hack.examples.drivers.{name.replace('-', '_')}")
    driver: Driver = module.DRIVER
    return driver


def read_manifest(name: str, *, host: str) -> Object:
    """The example's RealtimeApp, served at `host` instead of the host it names."""
    manifest: Object = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    manifest["spec"]["ingress"]["hosts"] = [host]
    return manifest


def read_support(support: Support) -> list[Object]:
    """The objects of a program an example needs beside the application."""
    text = (FOLDER / "support" / f"{support.value}.yaml").read_text()
    return [found for found in yaml.safe_load_all(text) if found]


def new_image(image: str) -> str:
    """The image the rollout puts in: tag 2 of the one with tag 1."""
    repository, colon, tag = image.rpartition(":")
    if not colon or tag != "1":
        raise ExampleError(f"the manifest's image is {image}; the harness expects the tag 1, and rolls out 2")
    return f"{repository}:2"
