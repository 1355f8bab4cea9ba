"""Images in the node's containerd: the pause image made here, and importing what others have built.

There is no registry and no pulling. An import is skipped when containerd already has the very same manifest
under the very same name, so loading everything again costs nothing.
"""

import gzip
import hashlib
import io
import json
import platform
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hack.cluster import binaries
from hack.cluster.errors import ClusterError
from hack.cluster.layout import NODE, PAUSE_IMAGE, State, default_state
from hack.cluster.report import say

NAME_ANNOTATIONS = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
MEDIA = "application/vnd.oci.image"
NOBODY = "65535:65535"


def load(tars: Iterable[Path | str], *, state: Path | None = None) -> list[str]:
    """Import OCI or Docker archives into the node; return the paths of those it did not have yet.

    Raises ClusterError when the node is not up or an archive cannot be read.
    """
    where = State(state) if state else default_state(NODE)
    if not where.containerd_socket.exists():
        raise ClusterError(
            f"No node runs with its state in {where.root}; bring one up first: hack.cluster up."
        )
    present = parse_listing(_ctr(where, "images", "list"))
    imported = []
    for tar in map(Path, tars):
        wanted = read_names(tar)
        if wanted and all(present.get(name) == digest for name, digest in wanted.items()):
            continue
        say(f"Importing {tar.name} ({tar.stat().st_size / 1e6:.0f} MB)")
        _ctr(where, "images", "import", str(tar.absolute()))
        imported.append(str(tar))
    return imported


def read_names(tar: Path) -> dict[str, str]:
    """Return image name -> manifest digest of an OCI archive; empty for one that does not name its images."""
    try:
        with tarfile.open(tar) as archive:
            try:
                index = archive.extractfile("index.json")
            except KeyError:
                return {}
            return parse_index(json.load(index)) if index else {}
    except FileNotFoundError:
        raise ClusterError(f"There is no image archive {tar}.") from None
    except (tarfile.TarError, ValueError, OSError) as error:
        raise ClusterError(f"{tar} is not an image archive: {error}.") from None


def parse_index(index: Mapping[str, Any]) -> dict[str, str]:
    """Return image name -> digest of an OCI index."""
    names = {}
    for manifest in index.get("manifests", ()):
        annotations = manifest.get("annotations") or {}
        name = next((annotations[key] for key in NAME_ANNOTATIONS if key in annotations), None)
        if name:
            names[name] = manifest["digest"]
    return names


def parse_listing(listing: str) -> dict[str, str]:
    """Return image name -> digest from `ctr images list`: the columns are REF, TYPE, DIGEST, …."""
    rows = (line.split() for line in listing.splitlines()[1:])
    return {row[0]: row[2] for row in rows if len(row) > 2}  # noqa: PLR2004 - up to the third column


def write_pause_image(target: Path) -> None:
    """Write the pause image as an OCI archive: one static program, no shell, no files."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(build_archive(binaries.path("pause").read_bytes(), name=PAUSE_IMAGE, command="/pause"))


def build_archive(program: bytes, *, name: str, command: str) -> bytes:
    """Return an OCI archive of an image whose only file is `program` at `command`. The same bytes every time."""
    layer = _tar({command.lstrip("/"): program}, mode=0o755)
    packed = gzip.compress(layer, mtime=0)
    architecture = ARCHITECTURES.get(platform.machine(), platform.machine())
    config = _json(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Entrypoint": [command], "User": NOBODY},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{MEDIA}.manifest.v1+json",
            "config": _descriptor(config, f"{MEDIA}.config.v1+json"),
            "layers": [_descriptor(packed, f"{MEDIA}.layer.v1.tar+gzip")],
        }
    )
    entry = _descriptor(manifest, f"{MEDIA}.manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": name}
    index = _json({"schemaVersion": 2, "manifests": [entry]})
    blobs = {f"blobs/sha256/{_digest(blob)[7:]}": blob for blob in (packed, config, manifest)}
    return _tar(
        {"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": index, **blobs}, mode=0o644
    )


def _ctr(state: State, *arguments: str) -> str:
    done = subprocess.run(
        ["ctr", "--address", str(state.containerd_socket), "--namespace", "k8s.io", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ClusterError(f"ctr {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout


def _descriptor(blob: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(blob), "size": len(blob)}


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True).encode()


def _tar(files: Mapping[str, bytes], *, mode: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
