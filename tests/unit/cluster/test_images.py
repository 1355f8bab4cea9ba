import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from hack.cluster import images
from hack.cluster.errors import ClusterError

NAME = "localhost/example:1"


def read(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]  # regular files only


def test_the_archive_is_an_oci_image_with_the_program_as_its_only_file() -> None:
    blobs = read(images.build_archive(b"\x7fELF", name=NAME, command="/pause"))
    (entry,) = json.loads(blobs["index.json"])["manifests"]
    manifest = json.loads(blobs["blobs/sha256/" + entry["digest"].removeprefix("sha256:")])
    config = json.loads(blobs["blobs/sha256/" + manifest["config"]["digest"].removeprefix("sha256:")])
    layer = gzip.decompress(blobs["blobs/sha256/" + manifest["layers"][0]["digest"].removeprefix("sha256:")])
    assert config["config"] == {"Entrypoint": ["/pause"], "User": "65535:65535"}
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert read(layer) == {"pause": b"\x7fELF"}
    for name, blob in blobs.items():
        if name.startswith("blobs/"):
            assert name.endswith(hashlib.sha256(blob).hexdigest())


def test_the_same_program_gives_the_same_archive() -> None:
    first = images.build_archive(b"x", name=NAME, command="/pause")
    assert images.build_archive(b"x", name=NAME, command="/pause") == first


def test_an_archive_tells_which_image_it_holds(tmp_path: Path) -> None:
    tar = tmp_path / "image.tar"
    tar.write_bytes(images.build_archive(b"x", name=NAME, command="/pause"))
    ((name, digest),) = images.read_names(tar).items()
    assert name == NAME
    assert digest.startswith("sha256:")


def test_containerds_listing_is_read_by_name_and_digest() -> None:
    listing = (
        "REF                 TYPE                                      DIGEST      SIZE    PLATFORMS   LABELS\n"
        "localhost/example:1 application/vnd.oci.image.manifest.v1+json sha256:abcd 1.2 MiB linux/amd64 io.x=y\n"
    )
    assert images.parse_listing(listing) == {NAME: "sha256:abcd"}


@pytest.mark.parametrize("content", [b"", b"not a tar"])
def test_a_file_that_is_no_archive_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    tar = tmp_path / "image.tar"
    tar.write_bytes(content)
    with pytest.raises(ClusterError, match="is not an image archive"):
        images.read_names(tar)


def test_a_missing_archive_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="There is no image archive"):
        images.read_names(tmp_path / "image.tar")


def test_loading_without_a_node_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"hack\.cluster up"):
        images.load([], state=tmp_path)
