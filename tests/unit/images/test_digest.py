"""The hash of an image's inputs changes with everything the image would change with, and with nothing else."""

from pathlib import Path

import pytest

from hack.images.digest import digest_inputs, digest_text
from hack.images.errors import ImagesError


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    package = tmp_path / "app" / "package"
    package.mkdir(parents=True)
    (package / "module.py").write_text("value = 1\n")
    (tmp_path / "Containerfile").write_text("FROM scratch\n")
    (tmp_path / "unrelated.txt").write_text("not copied\n")
    return tmp_path


def digest(checkout: Path, *texts: str) -> str:
    return digest_inputs(checkout, paths=["app", "Containerfile"], texts=texts)


def test_same_inputs_give_the_same_hash_wherever_the_checkout_is(checkout: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    for name in ("app/package/module.py", "Containerfile"):
        (elsewhere / name).parent.mkdir(parents=True, exist_ok=True)
        (elsewhere / name).write_bytes((checkout / name).read_bytes())
    assert digest(elsewhere) == digest(checkout)


def test_changed_content_changes_the_hash(checkout: Path) -> None:
    before = digest(checkout)
    (checkout / "app/package/module.py").write_text("value = 2\n")
    assert digest(checkout) != before


def test_renamed_file_changes_the_hash(checkout: Path) -> None:
    before = digest(checkout)
    (checkout / "app/package/module.py").rename(checkout / "app/package/other.py")
    assert digest(checkout) != before


def test_new_file_changes_the_hash(checkout: Path) -> None:
    before = digest(checkout)
    (checkout / "app/package/new.html").write_text("<p>")
    assert digest(checkout) != before


def test_executable_bit_changes_the_hash(checkout: Path) -> None:
    before = digest(checkout)
    (checkout / "app/package/module.py").chmod(0o755)
    assert digest(checkout) != before


def test_build_argument_changes_the_hash(checkout: Path) -> None:
    assert digest(checkout, "APP_VERSION=1") != digest(checkout, "APP_VERSION=2")


def test_bytecode_and_files_beside_the_inputs_do_not_count(checkout: Path) -> None:
    before = digest(checkout)
    cache = checkout / "app/package/__pycache__"
    cache.mkdir()
    (cache / "module.cpython-311.pyc").write_bytes(b"\0")
    (checkout / "app/package/stray.pyc").write_bytes(b"\0")
    (checkout / "unrelated.txt").write_text("changed\n")
    assert digest(checkout) == before


def test_missing_input_is_named(checkout: Path) -> None:
    with pytest.raises(ImagesError, match=r"missing/folder is missing from the checkout"):
        digest_inputs(checkout, paths=["missing/folder"], texts=[])


def test_text_moved_over_a_boundary_is_another_text() -> None:
    assert digest_text(["ab", "c"]) != digest_text(["a", "bc"])
