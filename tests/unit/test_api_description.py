"""The OpenAPI document against the routes, both ways, and against what they answer.

Each operation is called with its own examples, over a world in memory in which they make sense; all other tests of the
API hold the answers that they get against the document too (`tests.described`).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
import yaml
from chalice import Chalice
from chalice.app import AuthResponse, Response
from openapi_spec_validator import OpenAPIV31SpecValidator

from app import app
from chalicelib.api import register
from chalicelib.api.openapi import OPERATIONS, document, problems
from chalicelib.api.openapi.operation import Role
from chalicelib.api.openapi.vocabulary import example_of
from chalicelib.domain import BinState, Judgement, Verdict
from chalicelib.site_policy import SitePolicy
from chalicelib.trail import policy_changed
from tests.described import DescribedClient, mistakes_in
from tests.fakes_api import FakeWorld, expectation_of, inspection_of, minutes, rejection_of
from tests.policy_examples import with_rate

if TYPE_CHECKING:
    from chalice.test import HTTPResponse

    from chalicelib.api.openapi.operation import Operation

RESOURCES = Path(__file__).parents[2] / ".chalice" / "resources.yaml"
JSON = {"Content-Type": "application/json"}
NAMES = {"bin_id": "A-17", "consignment_id": "C-1", "site": "FRA1", "file": "config.json"}
BEFORE = {
    "reopen": ("resolve",),
    "list_acts": ("assign", "request_photo", "resolve", "reopen"),
    "list_acts_at": ("resolve", "reopen"),
    "list_trail_of_bin": ("assign", "request_photo", "acknowledge", "resolve", "reopen"),
    "list_trail": ("assign", "change_policy", "load_consignment"),
}
"""What has to be called before an operation can succeed, by their names."""

by_name = {one.name: one for one in OPERATIONS}
every_operation = pytest.mark.parametrize("one", [pytest.param(one, id=one.name) for one in OPERATIONS])


def routes() -> set[tuple[str, str]]:
    return {(method, path) for path, entries in app.routes.items() for method in entries}


@pytest.fixture
def world() -> FakeWorld:
    """A bin that alerts, one in review, one without a photo that could be read, and two versions of a policy."""
    world = FakeWorld()
    world.load({"A-17": 3, "A-18": 1, "A-19": 2})
    for name, verdict in {"A-17": Verdict.MISMATCH, "A-18": Verdict.REVIEW}.items():
        status, inspection = world.table.get(name).status, inspection_of(name, verdict, 5, expectation_of(name))
        world.table.record(inspection, status, status.after(inspection, Judgement(verdict, "p/1", 0.75)))
    for rejected in (rejection_of("A-19", 6), rejection_of("A-17", -2000), rejection_of(None, 7)):
        world.photograph(rejected)
    for version, rate in enumerate((0.03, 0.04), 1):
        policy = SitePolicy("FRA1", version, with_rate(rate), "ann", minutes(version), "why")
        world.policies.put(policy, policy_changed(world.policies.standing("FRA1").policy, policy))
    return world


@pytest.fixture
def client(world: FakeWorld) -> DescribedClient:
    described = Chalice(app_name="bincheck")

    @described.authorizer()
    def authorize(request: Any) -> AuthResponse:
        return AuthResponse(routes=["*"], principal_id=request.token)

    register(described, world, authorize)
    return DescribedClient(described)


def called(
    client: DescribedClient, one: Operation, query: dict[str, Any] | None = None, **headers: str
) -> HTTPResponse:
    """Call an operation with its own examples; a Content-Type chooses the body's form."""
    asked = {each.name: example_of(each.schema, {}) for each in one.query if each.required} | (query or {})
    path = one.path.format(**NAMES) + (f"?{urlencode(asked)}" if asked else "")
    texts = one.body.texts if one.body else {}
    as_json = json.dumps(one.body.example) if one.body else ""
    body = texts.get(headers.get("Content-Type", ""), as_json).encode()
    sent = {"Authorization": "ann", **(JSON if body else {}), **headers}
    return client.http.request(one.method, path, headers=sent, body=body)


# The document and the routes


def test_every_route_is_described_and_every_described_one_exists() -> None:
    described = {(one.method, one.path) for one in OPERATIONS}
    missing = sorted(routes() - described)
    assert not missing, f"add an Operation for each of these to a part of chalicelib/api/openapi: {missing}"
    assert not described - routes(), "these Operations have no route"


@every_operation
def test_who_may_call_is_described_as_the_authorizer_has_it(one: Operation) -> None:
    is_open = app.routes[one.path][one.method].authorizer is None
    expected = Role.ANYBODY if is_open else Role.VIEWER if one.method == "GET" else Role.OPERATOR
    assert one.role is expected


def test_the_document_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(document()).validate()


def test_every_operation_has_a_name_of_its_own_and_a_part_that_is_explained() -> None:
    assert len(by_name) == len(OPERATIONS)
    assert {one.tag for one in OPERATIONS} == {tag["name"] for tag in document()["tags"]}


def test_every_schema_is_used() -> None:
    used = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document())))
    assert used == set(document()["components"]["schemas"])


def test_the_rate_limit_is_the_gateways() -> None:
    # The template's own tags (!Sub, !GetAtt, ...) stand for nothing here.
    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.add_multi_constructor("!", lambda *_: None)
    template = yaml.load(RESOURCES.read_text(), loader)  # noqa: S506 - derived from the safe one
    (settings,) = template["Resources"]["RestAPI"]["Properties"]["MethodSettings"]
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (problems.RATE, problems.BURST)


def test_the_document_is_answered_to_anybody(client: DescribedClient) -> None:
    assert client.http.request("GET", "/openapi.json").json_body == json.loads(json.dumps(document()))


# The document and the answers


@every_operation
def test_an_operation_does_with_its_own_examples_what_is_described(client: DescribedClient, one: Operation) -> None:
    for name in BEFORE.get(one.name, ()):
        assert called(client, by_name[name]).status_code == 200
    reply = called(client, one)
    assert reply.status_code == 200, (
        f"{one.method} {one.path}: the example of its body, or what BEFORE and the world of this test have for it, "
        f"does not do: {reply.body!r}"
    )


@pytest.mark.parametrize(
    ("one", "form"),
    [pytest.param(one, form, id=one.name) for one in OPERATIONS if one.body for form in one.body.texts],
)
def test_a_body_has_each_form_that_is_described(client: DescribedClient, one: Operation, form: str) -> None:
    asked = {each.name: example_of(each.schema, {}) for each in one.query}
    assert called(client, one, asked, **{"Content-Type": form}).status_code == 200


@every_operation
def test_the_example_of_an_answer_is_such_an_answer(one: Operation) -> None:
    response = document()["paths"][one.path][one.method.lower()]["responses"]["200"]
    examples = [content for content in response["content"].values() if "example" in content]
    assert all(mistakes_in(content["example"], content["schema"]) == [] for content in examples)


@pytest.mark.parametrize("one", [pytest.param(one, id=one.name) for one in OPERATIONS if one.query])
def test_a_query_takes_the_parameters_that_are_described_and_no_others(client: DescribedClient, one: Operation) -> None:
    forms = [*one.body.texts] if one.body else []
    reply = called(client, one, {"nonsense": "1"}, **({"Content-Type": forms[0]} if forms else {}))
    assert reply.status_code == 400
    known = re.search(r"known are ([\w, ]+)", reply.json_body["message"])
    assert known, "the answer names the parameters that there are"
    assert known[1].split(", ") == sorted(each.name for each in one.query)


@pytest.mark.parametrize("one", [pytest.param(one, id=one.name) for one in OPERATIONS if one.keyed])
def test_an_idempotency_key_is_read_where_that_is_described(client: DescribedClient, one: Operation) -> None:
    for name in BEFORE.get(one.name, ()):
        called(client, by_name[name])
    assert called(client, one, **{"Idempotency-Key": "no key"}).status_code == 400


@pytest.mark.parametrize("one", [pytest.param(one, id=one.name) for one in OPERATIONS if one.guarded])
def test_a_version_is_answered_and_asked_for_where_that_is_described(client: DescribedClient, one: Operation) -> None:
    for name in BEFORE.get(one.name, ()):
        called(client, by_name[name])
    assert called(client, one, **{"If-Match": '"99"'}).status_code == 412


@pytest.mark.parametrize("one", [pytest.param(one, id=one.name) for one in OPERATIONS if one.tagged])
def test_an_answer_has_the_version_that_is_described(client: DescribedClient, one: Operation) -> None:
    for name in BEFORE.get(one.name, ()):
        called(client, by_name[name])
    reply = called(client, one)
    assert reply.headers["ETag"] == f'"{reply.json_body["version"]}"'


def test_every_state_of_a_bin_is_one_that_is_described() -> None:
    assert document()["components"]["schemas"]["Bin"]["properties"]["status"]["enum"] == [*BinState]


@pytest.mark.parametrize("path", ["/v1/bins/A-17", "/v1/colours"])
def test_an_answer_that_is_not_described_fails_and_says_where_to_describe_it(path: str) -> None:
    undescribed = Chalice(app_name="bincheck")
    undescribed.route("/v1/bins/{bin_id}")(lambda bin_id: Response({"bin_id": bin_id, "colour": "red"}, headers=JSON))
    undescribed.route("/v1/colours")(dict)
    with pytest.raises(AssertionError, match="chalicelib/api/openapi"):
        DescribedClient(undescribed).http.get(path)
