"""`realtimeapp render` as a person uses it."""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path

import pytest
import yaml

from realtimeapp_operator.cli.main import main

EXAMPLES = Path(__file__).parents[3] / "examples"


def write(folder: Path, text: str) -> str:
    file = folder / "app.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def minimal(**metadata: str) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "realtimeapp.dev/v1alpha1",
            "kind": "RealtimeApp",
            "metadata": {"name": "shop", **metadata},
            "spec": {"image": "shop:1", "framework": "Djust", "django": {"settingsModule": "shop.settings"}},
        }
    )


def test_it_prints_every_object_as_yaml(capsys: pytest.CaptureFixture[str]) -> None:
    images = ["--runtime-image", "operator:9", "--redis-image", "redis:9"]
    assert main(["render", str(EXAMPLES / "djust-counter.yaml"), *images]) == 0
    printed = capsys.readouterr()
    objects = list(yaml.safe_load_all(printed.out))
    assert len(objects) == 18
    assert "image: operator:9" in printed.out
    assert "image: redis:9" in printed.out
    assert "# The operator generates secret-key once" in printed.out
    assert "# The operator generates password, probe-password, users.acl once" in printed.out
    assert printed.err == ""
    (service,) = [
        each for each in objects if each["kind"] == "Service" and each["metadata"]["name"] == "counter-web"
    ]
    assert "traefik.ingress.kubernetes.io/service.sticky.cookie" in service["metadata"]["annotations"]


def test_the_namespace_is_the_manifests_or_the_flags(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for metadata, flags, wanted in (
        ({}, [], "default"),
        ({}, ["-n", "store"], "store"),
        ({"namespace": "own"}, ["-n", "store"], "own"),
    ):
        assert main(["render", write(tmp_path, minimal(**metadata)), *flags]) == 0
        printed = yaml.safe_load_all(capsys.readouterr().out)
        assert {each["metadata"]["namespace"] for each in printed} == {wanted}


def test_what_the_edge_cannot_do_is_said_beside_the_objects(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(EXAMPLES / "minimal.yaml"), "--edge", "Generic"]) == 0
    printed = capsys.readouterr()
    assert "shop: Cookie affinity is not configured" in printed.err
    assert "Cookie affinity" not in printed.out


def test_standard_input_is_a_file_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO(minimal()))
    assert main(["render", "-"]) == 0
    assert "name: shop-web" in capsys.readouterr().out


def test_other_objects_of_the_file_are_left_out_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = yaml.safe_dump({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}})
    assert main(["render", write(tmp_path, f"{other}---\n{minimal()}---\n")]) == 0
    assert "Secret/db is left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "there is no manifest"),
        ("kind: [", "not YAML at line 1"),
        ("- a\n- b\n", "document 1 is not a Kubernetes object"),
        ("kind: Secret\nmetadata: {name: a}\n", "there is no RealtimeApp"),
        (minimal().replace("framework: Djust", "framework: Rails"), "spec.framework: must be one of"),
        (minimal(namespace="store").replace("image: shop:1", "imgae: shop:1"), "did you mean image?"),
    ],
)
def test_what_cannot_be_rendered_ends_in_a_sentence_and_prints_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str
) -> None:
    assert main(["render", write(tmp_path, text)]) == 1
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert printed.out == ""


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "no-such-file.yaml"]) == 1
    assert capsys.readouterr().err == "no-such-file.yaml: No such file or directory\n"
