"""Every example of the list is complete: a driver, a manifest, a page, two images, and what it needs beside it."""

from __future__ import annotations

from typing import get_args

import pytest

from hack.examples.catalog import FOLDER, NAMES, load_driver, new_image, read_manifest, read_support
from hack.examples.driver import Support
from hack.images.catalog import IMAGES
from realtimeapp_operator.api.frameworks import Framework

TAGS = {image.tag for image in IMAGES.values()}


@pytest.mark.parametrize("name", NAMES)
def test_an_example_has_what_the_harness_looks_for(name: str) -> None:
    assert (FOLDER / name / "README.md").exists()
    manifest = read_manifest(name, host="somewhere.localhost")
    assert manifest["spec"]["ingress"]["hosts"] == ["somewhere.localhost"]
    image = manifest["spec"]["image"]
    assert {image, new_image(image)} <= TAGS
    driver = load_driver(name)
    assert driver.support <= set(Support)
    assert all(1000 < code < 5000 for code in driver.planned_codes)


def test_there_is_an_example_for_every_framework() -> None:
    served = {read_manifest(name, host="somewhere.localhost")["spec"]["framework"] for name in NAMES}
    assert served == set(get_args(Framework))


@pytest.mark.parametrize("support", Support)
def test_what_stands_beside_an_example_is_a_workload_with_a_service(support: Support) -> None:
    kinds = {found["kind"] for found in read_support(support)}
    assert "Service" in kinds
    assert kinds & {"Deployment", "StatefulSet"}
