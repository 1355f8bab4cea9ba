"""Where packages and wheels come from, and what a person sees on the command line."""

from pathlib import Path

import pytest

from hack.images import builder, debian, machine, wheels
from hack.images.__main__ import main
from hack.images.catalog import BASES, IMAGES, Base, Image
from hack.images.errors import ImagesError
from hack.images.layout import CHECKOUT


def test_debian_base_comes_from_the_mirrors_of_this_machine() -> None:
    targets = """\
http://mirror.example/debian/ bookworm main
http://mirror.example/debian/ bookworm main
http://mirror.example/debian/ bookworm contrib
http://mirror.example/debian/ bookworm-backports main
http://mirror.example/security/ bookworm-security main
"""
    assert debian.mirrors(targets) == [
        "deb http://mirror.example/debian/ bookworm main",
        "deb http://mirror.example/security/ bookworm-security main",
    ]


@pytest.mark.parametrize("targets", ["", "http://mirror.example/debian/ trixie main", "unexpected"])
def test_machine_without_mirrors_of_the_suite_uses_the_default(targets: str) -> None:
    assert debian.mirrors(targets) == []


def test_base_is_made_again_for_other_packages() -> None:
    assert debian.key(Base(name="python", packages=("python3", "more"))) != debian.key(BASES["python"])


def test_base_is_made_again_when_something_else_is_left_out() -> None:
    assert debian.key(Base(name="python", packages=("python3",), removed=("opt",))) != debian.key(
        BASES["python"]
    )


def test_wheels_are_unpacked_again_for_another_python_or_other_requirements() -> None:
    keys = {
        wheels.made_from("a==1", python="3.11.2"),
        wheels.made_from("a==1", python="3.13"),
        wheels.made_from("a==2", python="3.11.2"),
    }
    assert len(keys) == 3


def test_of_programs_only_those_beside_the_packages_are_left_out(tmp_path: Path) -> None:
    kept = ("celery/bin/worker.py", "celery/app.py")
    left_out = ("bin/celery", "celery/tests/test_app.py", "celery/bin/__pycache__/worker.pyc")
    for name in (*kept, *left_out):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    wheels.slim(tmp_path)
    assert {str(found.relative_to(tmp_path)) for found in tmp_path.rglob("*") if found.is_file()} == set(kept)


def test_wheels_are_made_for_linux_also_on_a_mac(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert wheels.target_platform() == "aarch64-manylinux_2_36"


def test_without_uv_the_way_to_get_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(wheels, "SITES", tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ImagesError, match=r"needs uv.*requirements/dev\.txt"):
        wheels.unpack(IMAGES["operator"], python="3.11.2")


def test_the_two_versions_of_the_counter_differ_in_one_argument_only() -> None:
    one, two = IMAGES["counter-1"], IMAGES["counter-2"]
    assert (one.sources, one.requirements, one.containerfile) == (
        two.sources,
        two.requirements,
        two.containerfile,
    )
    assert builder.hash_inputs(one) != builder.hash_inputs(two)


@pytest.mark.parametrize("image", IMAGES.values(), ids=lambda image: image.name)
def test_containerfile_copies_what_the_catalogue_lists(image: Image) -> None:
    text = (CHECKOUT / image.containerfile).read_text()
    copied = {line.split()[1] for line in text.splitlines() if line.startswith("COPY")} - {"${SITE}"}
    assert copied == set(image.sources)


def test_unknown_image_is_a_sentence_and_exit_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "typo"]) == 1
    assert capsys.readouterr().err.startswith("error: There is no image 'typo'; there are ")


def test_list_names_every_image_and_builds_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [[image.name, image.tag] for image in IMAGES.values()]


def test_without_root_the_way_with_docker_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(ImagesError, match=r"needs root.*docker build -f operator/Containerfile \."):
        machine.require_builder()


def test_without_apt_the_missing_programs_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(
        "shutil.which", lambda program: None if program in ("buildah", "apt-get") else "/bin/true"
    )
    with pytest.raises(ImagesError, match=r"needs .*buildah.*no apt-get"):
        machine.require_builder()
