"""Alarms and dashboard ask for what the program has."""

import json
import re

import promql_parser
import pytest
import yaml
from conftest import KUBERNETES
from service import Service

RULES = yaml.safe_load((KUBERNETES / "components/monitoring/rules.yaml").read_text())
DASHBOARD = json.loads((KUBERNETES / "components/monitoring/dashboard.json").read_text())


def expressions():
    for group in RULES["spec"]["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            # Grafana puts these in before Prometheus sees them.
            text = target["expr"].replace("$__rate_interval", "5m").replace("$namespace", ".*").replace("$pod", ".*")
            assert "$" not in text
            yield f"{panel['title']} {target['refId']}", text


def selectors(expression):
    """What a query reads, with the labels that it tells series apart by."""
    found = []

    def walk(node):
        if isinstance(node, promql_parser.VectorSelector):
            found.append((node.name, {matcher.name: (matcher.op, matcher.value) for matcher in node.matchers.matchers}))
        for name in ("lhs", "rhs", "expr", "vector_selector", "param"):
            child = getattr(node, name, None)
            if child is not None:
                walk(child)
        for child in getattr(node, "args", None) or []:
            walk(child)

    walk(expression)
    return found


@pytest.fixture(scope="module")
def families(options):
    """The labels of each metric of a running program, by name; of those without a series yet, none."""
    with Service(options, "--workers", "1") as service:
        picture = (KUBERNETES.parents[1] / "Tests/Fixtures/Images/source.png").read_bytes()
        for path in ("/restore?steps=1&force=true", "/classify"):
            assert service.request("POST", path, picture, {"Content-Type": "image/png"})[0] == 200
        page = service.get("/metrics")[2].decode()
    families = {}
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", page, re.M):
        for suffix in ("_bucket", "_sum", "_count") if kind == "histogram" else ("",):
            series = re.findall(rf"^{name}{suffix}(?:\{{(.*)\}})? ", page, re.M)
            families[name + suffix] = [dict(re.findall(r'(\w+)="([^"]*)"', labels)) for labels in series]
    return families


@pytest.mark.parametrize("name,text", list(expressions()), ids=lambda value: value if len(value) < 40 else "")
def test_a_query_asks_for_metrics_and_labels_that_are_there(families, name, text):
    read = selectors(promql_parser.parse(text))
    assert read, text
    for metric, matchers in read:
        assert metric in families, metric
        if families[metric]:
            # Which are the scrape's own.
            assert set(matchers) - {"namespace", "pod"} <= set().union(*families[metric]), (metric, matchers)


def test_what_is_told_apart_by_a_label_has_series_to_tell_apart(families):
    """The series that a picture and a classification leave, so that the test above looks at labels at all."""
    for metric in ("restored_restorations_total", "restored_classifications_total", "restored_stage_duration_seconds_bucket"):
        assert families[metric], metric


def test_every_alarm_says_how_bad_it_is_and_what_it_means():
    names = [rule["alert"] for group in RULES["spec"]["groups"] for rule in group["rules"]]
    assert len(names) == len(set(names)) >= 10
    for group in RULES["spec"]["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in ("warning", "critical") and rule["annotations"]["summary"].endswith(".")


def test_panels_lie_beside_each_other():
    taken = set()
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken and at["x"] + at["w"] <= 24
        taken |= cells
