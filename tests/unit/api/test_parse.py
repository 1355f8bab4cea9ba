from __future__ import annotations

import datetime as dt
from collections import UserDict
from typing import TYPE_CHECKING, Any

import pytest

from realtimeapp_operator.api.parse import InvalidSpec, parse
from tests.support.refusals import ABSENT, BASE, manifest

if TYPE_CHECKING:
    from collections.abc import Mapping


def sentences(body: Mapping[Any, Any]) -> list[str]:
    with pytest.raises(InvalidSpec) as raised:
        parse(body)
    return [str(refusal) for refusal in raised.value.refusals]


def test_the_smallest_manifest_has_the_defaults_of_the_contract() -> None:
    spec = parse(BASE).spec
    assert spec.web.replicas == 2
    assert spec.web.rollout.max_reconnects_per_second == 100
    assert spec.redis.standalone.max_memory == "256Mi"
    assert spec.session.ttl_seconds == 7200
    assert spec.cleanup is None


def test_what_the_api_server_delivers_is_understood() -> None:
    body = manifest(
        {
            "metadata.namespace": "shop",
            "metadata.uid": "5fd57d39",
            "metadata.generation": 3,
            "metadata.managedFields": [{"manager": "kubectl"}],
            "metadata.deletionTimestamp": "2026-11-20T12:00:00Z",
            "status": {"conditions": [{"type": "Ready"}]},
        }
    )
    app = parse(body)
    assert (app.metadata.namespace, app.metadata.uid, app.metadata.generation) == ("shop", "5fd57d39", 3)
    assert app.status == {"conditions": [{"type": "Ready"}]}


def test_a_read_only_view_is_as_good_as_a_dict() -> None:
    assert parse(UserDict(BASE)) == parse(BASE)


def test_null_is_a_field_that_is_not_there() -> None:
    assert parse(manifest({"spec.workers": None, "spec.web": {"replicas": None}})) == parse(BASE)


def test_a_time_that_yaml_has_read_already_is_a_time() -> None:
    moment = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
    assert parse(manifest({"spec.restartedAt": moment})).spec.restarted_at == moment


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": "RealtimeApps"}, "kind: must be RealtimeApp"),
        ({"apiVersion": "realtimeapp.dev/v1"}, "apiVersion: must be realtimeapp.dev/v1alpha1"),
        ({"metadata": ABSENT}, "metadata: must be set"),
        ({"metadata.name": ABSENT}, "metadata.name: must be set"),
        ({"spec": "x"}, "spec: must be a map of fields"),
        ({"spec.image": 1.5}, "spec.image: must be a string; put it in quotes"),
        ({"spec.web.replicas": 1.5}, "spec.web.replicas: must be a whole number"),
        ({"spec.podTemplate.labels": []}, "spec.podTemplate.labels: must be a map"),
        (
            {"spec.web.replica": 2},
            "spec.web.replica: must be left out, the API has no such field; did you mean replicas?",
        ),
        (
            {"spec.workers": [{"name": "a", "type": "Custom", "command": ["a"], "comand": []}]},
            "spec.workers[0].comand: must be left out, the API has no such field; did you mean command?",
        ),
    ],
)
def test_a_mistake_is_a_sentence(change: dict[str, Any], sentence: str) -> None:
    assert sentence in sentences(manifest(change))


@pytest.mark.parametrize("key", [1, None, ("a", "b")])
def test_keys_that_are_no_strings_are_refused(key: object) -> None:
    (sentence,) = sentences({**BASE, key: "x"})
    assert sentence.startswith("must be plain data")


def test_the_error_names_every_refusal() -> None:
    with pytest.raises(InvalidSpec, match=r"spec\.image: must be .*; spec\.web\.port: must be at least 1024"):
        parse(manifest({"spec.image": "a b", "spec.web.port": 80}))
