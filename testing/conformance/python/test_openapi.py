"""The service against its own OpenAPI document: whatever is sent, it answers with what docs/openapi.json says, and never with a 500."""

import base64
import hashlib
import hmac
import json
import re
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.configuration import set_hypothesis_home_dir
from schemathesis import checks
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = ROOT / "docs" / "openapi.json"
ROUTES = ROOT / "crates" / "rest" / "src" / "route.rs"
# Of each operation; all of them take about twenty seconds.
EXAMPLES = 25

# What it remembers is of no use: the same requests are made each time.
set_hypothesis_home_dir(tempfile.mkdtemp(prefix="hubwire-openapi-"))
schema = schemathesis.openapi.from_path(DOCUMENT)


def bearer(server, url):
    """A token for this URL and no other."""
    parts = urlsplit(url)
    claims = {"aud": f"{parts.scheme}://{parts.netloc}{parts.path}", "exp": int(time.time()) + 300}
    encode = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=")
    signed = encode(b'{"alg":"HS256","typ":"JWT"}') + b"." + encode(json.dumps(claims).encode())
    signature = hmac.new(server.access_key.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + encode(signature)).decode()


@pytest.fixture(scope="module")
def session():
    with requests.Session() as one:
        yield one


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_of_the_document(case, server, session):
    arguments = case.as_transport_kwargs(base_url=server.endpoint)
    url = requests.Request(**{name: value for name, value in arguments.items() if name in ("method", "url", "params")}).prepare().url
    response = case.call(session=session, base_url=server.endpoint, headers={"Authorization": f"Bearer {bearer(server, url)}"})
    conformance = [checks.not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
    case.validate_response(response, checks=conformance)


def routes():
    """The paths and methods of the service's own table."""
    placeholders = {"Hub": "{hub}", "Group": "{group}", "User": "{userId}", "Connection": "{connectionId}", "Permission": "{permission}", "HUBS": "hubs"}
    table = ROUTES.read_text().split("static RESOURCES")[1].split("];\n\nconst fn")[0]
    found = set()
    for pattern, operations in re.findall(r"at\(\s*&\[(.*?)\],\s*\w+,\s*&\[(.*?)\]\s*,?\s*\)", table, re.DOTALL):
        segments = [literal or placeholders[name] for literal, name in re.findall(r'Is\("([^"]+)"\)|(\w+)', pattern)]
        for method in re.findall(r"Method::(\w+)", operations):
            found.add((method, "/api/" + "/".join(segments)))
    return found


def test_the_document_has_every_route_of_the_service_and_no_other():
    described = {(method.upper(), path) for path, item in json.loads(DOCUMENT.read_text())["paths"].items() for method in item}
    assert len(described) > 20
    assert routes() == described


def test_a_method_that_is_not_in_the_document_is_refused(server):
    for path, item in json.loads(DOCUMENT.read_text())["paths"].items():
        url = server.endpoint + re.sub(r"\{(\w+)\}", lambda name: "sendToGroup" if name[1] == "permission" else "x", path)
        response = requests.patch(url, headers={"Authorization": f"Bearer {bearer(server, url)}"}, timeout=20)
        assert response.status_code == 405
        assert {method.strip().lower() for method in response.headers["Allow"].split(",")} == set(item)
