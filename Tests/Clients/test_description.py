"""The description is one, in YAML and in JSON."""

import requests
import yaml


def test_the_json_says_what_an_established_reader_finds_in_the_yaml(service):
    in_yaml = yaml.safe_load(requests.get(service.url + "/openapi.yaml").text)
    assert requests.get(service.url + "/openapi.json").json() == in_yaml
    assert list(requests.get(service.url + "/openapi.json").json()) == list(in_yaml)


def test_the_page_comes_packed_and_is_the_same(service):
    plain = requests.get(service.url + "/", headers={"Accept-Encoding": "identity"})
    packed = requests.get(service.url + "/", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip" and packed.content == plain.content
    assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"])
