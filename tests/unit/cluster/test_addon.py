"""Add-ons as they are applied, without a cluster."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from cryptography import x509

from hack.cluster import addon, api, binaries, cli, pki, record
from hack.cluster.layout import NODE, State

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> State:
    """A state folder with its authorities, on a machine where no cluster is noted."""
    monkeypatch.setattr(record, "location", lambda profile: tmp_path / f"{profile.name}.json")
    made = State(tmp_path / "node")
    made.root.mkdir()
    pki.write(made.pki, NODE)
    return made


def manifests(name: str, state: State) -> list[dict[str, Any]]:
    chosen = addon.ADDONS[name]
    addon._issue_certificate(chosen, state)  # noqa: SLF001 - as `add` does before it applies anything
    return addon.read_manifests(chosen, state)


@pytest.mark.parametrize("name", sorted(addon.ADDONS))
def test_every_object_can_be_applied_and_found_again(name: str, state: State) -> None:
    paths = [api.path_of(item) for item in manifests(name, state)]
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("name", sorted(addon.ADDONS))
def test_pods_run_the_images_that_are_built_and_never_pull(name: str, state: State) -> None:
    images = set()
    for item in manifests(name, state):
        if item["kind"] == "Deployment":
            for container in item["spec"]["template"]["spec"]["containers"]:
                images.add(container["image"])
                assert container["imagePullPolicy"] == "Never"
    assert images == {addon.image_of(tool) for tool in addon.ADDONS[name].tools}


@pytest.mark.parametrize("name", sorted(addon.ADDONS))
def test_the_api_server_can_verify_whom_it_asks(name: str, state: State) -> None:
    objects = manifests(name, state)
    [secret] = [item for item in objects if item["kind"] == "Secret"]
    leaf, authority = (
        x509.load_pem_x509_certificate(base64.b64decode(secret["data"][file]))
        for file in ("tls.crt", "ca.crt")
    )
    leaf.verify_directly_issued_by(authority)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    services = [item for item in objects if item["kind"] == "APIService"]
    assert services
    for item in services:
        service = item["spec"]["service"]
        assert item["spec"]["caBundle"] == secret["data"]["ca.crt"]
        assert f"{service['name']}.{service['namespace']}.svc" in names.get_values_for_type(x509.DNSName)


def test_a_certificate_is_issued_once(state: State) -> None:
    first = manifests("keda", state)
    assert manifests("keda", state) == first


def test_an_image_is_named_after_what_it_was_built_from() -> None:
    key = binaries.location("keda-operator").parent.name
    assert (
        addon.image_of("keda-operator") == f"localhost/realtimeapp-keda-operator:{key.removeprefix('keda-')}"
    )


def test_crds_come_from_the_sources_keda_is_built_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "config" / "crd" / "bases"
    folder.mkdir(parents=True)
    crd = {"kind": "CustomResourceDefinition", "metadata": {"name": "scaledobjects.keda.sh"}}
    (folder / "keda.sh_scaledobjects.yaml").write_text(yaml.safe_dump(crd))
    monkeypatch.setattr(binaries, "module_folder", lambda _name, _module: tmp_path)
    assert addon.read_crds(addon.ADDONS["keda"]) == [crd]
    assert addon.read_crds(addon.ADDONS["metrics-server"]) == []


@pytest.mark.parametrize("command", ["add", "remove"])
def test_without_a_cluster_one_sentence_says_so(
    command: str, state: State, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([command, "keda", "--state", str(state.root)]) == 1
    said = capsys.readouterr().err
    assert "No node cluster is up" in said
    assert len(said.splitlines()) == 1


def test_a_control_plane_takes_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["add", "keda", "--profile", "control-plane"]) == 1
    assert "runs none" in capsys.readouterr().err
