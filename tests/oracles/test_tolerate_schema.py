"""Results of `tolerate` held against Kubernetes' own schemas, as kubernetes-validate keeps them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ruamel.yaml import YAML

from generator.tolerate.files import tolerate_manifests
from generator.tolerate.inject import Wish
from generator.tolerate.taints import taint_from, wanted_taints

validator = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is missing")

VERSIONS = ["1.25", "1.29", "1.32", "1.34"]

POD = "{containers: [{name: main, image: 'x:1'}], restartPolicy: Always}"
BATCH_POD = POD.replace("Always", "Never")
_LABELS = "{app: x}"
_TEMPLATE = f"template: {{metadata: {{labels: {_LABELS}}}, spec: {POD}}}"
_APP = f"selector: {{matchLabels: {_LABELS}}}, {_TEMPLATE}"
_JOB = f"template: {{spec: {BATCH_POD}}}"

MANIFESTS = {
    ("apps/v1", "Deployment"): f"spec: {{{_APP}}}",
    ("apps/v1", "DaemonSet"): f"spec: {{{_APP}}}",
    ("apps/v1", "StatefulSet"): f"spec: {{serviceName: x, {_APP}}}",
    ("apps/v1", "ReplicaSet"): f"spec: {{{_APP}}}",
    ("v1", "ReplicationController"): f"spec: {{selector: {_LABELS}, {_TEMPLATE}}}",
    ("batch/v1", "Job"): f"spec: {{{_JOB}}}",
    ("batch/v1", "CronJob"): f"spec: {{schedule: '* * * * *', jobTemplate: {{spec: {{{_JOB}}}}}}}",
    ("v1", "Pod"): f"spec: {POD}",
    ("v1", "PodTemplate"): _TEMPLATE,
}


def manifests() -> str:
    return "---\n".join(
        f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\n{rest}\n"
        for (version, kind), rest in MANIFESTS.items()
    )


def changed() -> list[dict[str, Any]]:
    taints = ("a/b=1:NoExecute", "123:PreferNoSchedule", "true=true:NoSchedule")
    outcome = tolerate_manifests(
        "a.yaml", manifests().encode(), Wish(wanted_taints(map(taint_from, taints)))
    )
    assert outcome.changed == len(MANIFESTS)
    return list(YAML(typ="safe", pure=True).load_all(outcome.after()))


@pytest.mark.parametrize("version", VERSIONS)
def test_results_are_valid(version: str) -> None:
    documents = changed()
    for document in documents:
        assert validator.validate(document, version, strict=True) == version
    assert {each["kind"] for each in documents} == {kind for _, kind in MANIFESTS}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("wrong", [{"key": 123}, {"key": "a", "effects": "x"}, {"value": True}])
def test_the_schemas_see_what_is_wrong(version: str, wrong: dict[str, Any]) -> None:
    document = copy.deepcopy(changed()[0])
    document["spec"]["template"]["spec"]["tolerations"].append(wrong)
    with pytest.raises(validator.ValidationError):
        validator.validate(document, version, strict=True)
