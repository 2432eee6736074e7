"""The manifests are what Kubernetes takes, and say what they are meant to."""

import json
import re
import warnings

import jsonschema
import kubernetes_validate
import pytest
import yaml
from conftest import KUBERNETES, ROOT, drain_seconds, of_kind

#: Of the custom resources what is used of them; strict, so that a misspelt field is seen.
CUSTOM = {
    "ScaledObject": {
        "scaleTargetRef": {"name": str}, "minReplicaCount": int, "maxReplicaCount": int, "pollingInterval": int, "cooldownPeriod": int,
        "triggers": [{"type": str, "metadata": {str: str}, "authenticationRef": {"name": str}}],
    },
    "TriggerAuthentication": {"secretTargetRef": [{"parameter": str, "name": str, "key": str}]},
    "PodMonitor": {
        "selector": {"matchLabels": {str: str}}, "podMetricsEndpoints": [{"port": str, "path": str, "interval": str}],
    },
    "PrometheusRule": {
        "groups": [{"name": str, "rules": [{"alert": str, "expr": str, "for?": str, "labels": {str: str}, "annotations": {str: str}}]}],
    },
}


def schema(form):
    """A JSON schema of a form as above: all fields required but those with a question mark, and no others."""
    if isinstance(form, list):
        return {"type": "array", "minItems": 1, "items": schema(form[0])}
    if not isinstance(form, dict):
        return {"type": {str: "string", int: "integer"}[form]}
    if str in form:
        return {"type": "object", "additionalProperties": schema(form[str])}
    return {
        "type": "object", "additionalProperties": False, "required": [name for name in form if not name.endswith("?")],
        "properties": {name.rstrip("?"): schema(value) for name, value in form.items()},
    }


def pods(documents):
    return {document["metadata"]["name"]: document["spec"]["template"] for document in of_kind(documents, "Deployment")}


# The oldest that Deploy/README.md names, and a late one.
@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_every_document_is_one_of_kubernetes(documents, version):
    assert len(documents) >= 6
    for document in documents:
        if document["kind"] in CUSTOM:
            jsonschema.validate(document["spec"], schema(CUSTOM[document["kind"]]))
            continue
        with warnings.catch_warnings():
            # Old versions of a kind are none of ours.
            warnings.simplefilter("error")
            kubernetes_validate.validate(document, version, strict=True)


def test_names_that_refer_to_something_find_it(documents):
    there = {(document["kind"], document["metadata"]["name"]) for document in documents}
    for document in of_kind(documents, "HorizontalPodAutoscaler", "ScaledObject"):
        assert ("Deployment", document["spec"]["scaleTargetRef"]["name"]) in there
    for document in of_kind(documents, "ScaledObject"):
        for trigger in document["spec"]["triggers"]:
            assert ("TriggerAuthentication", trigger["authenticationRef"]["name"]) in there
    text = json.dumps([pod["spec"] for pod in pods(documents).values()])
    for name in re.findall(r'"configMapKeyRef": \{"key": "[^"]*", "name": "([^"]*)"', text):
        assert ("ConfigMap", name) in there
    # One namespace, that is there.
    assert {document["metadata"].get("namespace", "restored") for document in documents} == {"restored"}
    assert ("Namespace", "restored") in there


def test_what_selects_pods_selects_those_of_one_deployment_and_of_it_all(documents):
    templates = pods(documents)

    def chosen(labels):
        return {name for name, pod in templates.items() if labels.items() <= pod["metadata"]["labels"].items()}

    for document in of_kind(documents, "Deployment"):
        assert chosen(document["spec"]["selector"]["matchLabels"]) == {document["metadata"]["name"]}
        for constraint in document["spec"]["template"]["spec"]["topologySpreadConstraints"]:
            assert chosen(constraint["labelSelector"]["matchLabels"]) == {document["metadata"]["name"]}
    budgets = [chosen(document["spec"]["selector"]["matchLabels"]) for document in of_kind(documents, "PodDisruptionBudget")]
    assert sorted(budgets, key=str) == sorted([{name} for name in templates], key=str)
    (service,) = of_kind(documents, "Service")
    # Whom balancers send requests: never a worker.
    (front,) = chosen(service["spec"]["selector"])
    assert not front.endswith("-worker")
    policies = of_kind(documents, "NetworkPolicy")
    inward = [chosen(policy["spec"]["podSelector"]["matchLabels"]) for policy in policies if "Ingress" in policy["spec"]["policyTypes"]]
    assert set().union(*inward) == set(templates)
    # Everybody else's connections are refused, and what goes out is named.
    for policy in policies:
        assert all(rule.get("ports") for rule in policy["spec"].get("ingress", []) + policy["spec"].get("egress", []))


def test_pods_are_of_the_restricted_profile(documents):
    (namespace,) = of_kind(documents, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for pod in pods(documents).values():
        spec = pod["spec"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        for volume in spec.get("volumes", []):
            assert set(volume) - {"name"} <= {"configMap", "emptyDir", "persistentVolumeClaim", "secret", "projected"}
        for container in spec["containers"] + spec.get("initContainers", []):
            context = container["securityContext"]
            assert context == {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def test_a_pod_starts_no_more_threads_than_it_asks_processors_for(documents):
    for pod in pods(documents).values():
        (container,) = pod["spec"]["containers"]
        variables = {variable["name"]: variable for variable in container["env"]}
        assert variables["RESTORED_WORKERS"]["value"] == "1"
        reference = variables["RESTORED_THREADS"]["valueFrom"]["resourceFieldRef"]
        assert reference == {"containerName": container["name"], "resource": "requests.cpu", "divisor": "1"}
        assert container["resources"]["requests"]["cpu"]
        # No bytes without a bound: the program takes it for the memory that there is.
        assert container["resources"]["limits"]["memory"]


def test_a_pod_pauses_before_its_drain_and_has_time_for_both(documents):
    for name, pod in pods(documents).items():
        (container,) = pod["spec"]["containers"]
        pause = (container.get("lifecycle") or {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        # A worker is behind no balancer.
        assert (pause > 0) == (not name.endswith("-worker"))
        variables = {variable["name"]: variable["value"] for variable in container["env"] if "value" in variable}
        assert (variables["RESTORED_DRAIN_DELAY"] != "0") == (pause > 0)
        assert pod["spec"]["terminationGracePeriodSeconds"] > pause + drain_seconds(variables)
        probe = container["readinessProbe"]
        assert probe["httpGet"]["path"] == container["startupProbe"]["httpGet"]["path"] == "/health/ready"
        assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"


def test_every_variable_is_a_setting(documents):
    readme = (ROOT / "Deploy/README.md").read_text()
    for pod in pods(documents).values():
        for container in pod["spec"]["containers"] + pod["spec"].get("initContainers", []):
            for variable in container["env"]:
                assert f"| `{variable['name']}` |" in readme, variable["name"]


def test_other_weights_are_fetched_by_those_that_compute_alone(documents):
    chosen = {config["metadata"]["name"]: config["data"] for config in of_kind(documents, "ConfigMap")}
    weights = [data for name, data in chosen.items() if name.startswith("restored-weights")]
    for name, pod in pods(documents).items():
        containers = pod["spec"].get("initContainers", [])
        assert bool(containers) == (bool(weights) and not name.endswith("-front"))
        for container in containers:
            assert container["args"] == ["weights", "fetch", "$(RESTORED_BUNDLE)"]
            assert weights == [{"bundle": "instructir"}]
            (served,) = pod["spec"]["containers"]
            assert {"name": "weights", "mountPath": "/weights", "readOnly": True} in served["volumeMounts"]


@pytest.mark.parametrize("path", sorted(KUBERNETES.rglob("*.yaml")), ids=lambda path: str(path.relative_to(KUBERNETES)))
def test_every_file_belongs_to_a_kustomization(path):
    kustomization = path if path.name == "kustomization.yaml" else path.parent / "kustomization.yaml"
    content = yaml.safe_load(kustomization.read_text())
    if path == kustomization:
        assert content["kind"] in ("Kustomization", "Component")
        return
    named = content.get("resources", []) + [patch.get("path") for patch in content.get("patches", [])]
    assert path.name in named
