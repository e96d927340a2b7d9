import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from django.core.management import call_command
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from api.serializers import UnifiedModelSerializer
from config.api_router import router
from tests.factories import ApiKeyFactory, LinkedAccountFactory, RemoteUserFactory, ScheduledInterviewFactory
from tests.routes import ROUTES

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.yaml"


@pytest.fixture(scope="module")
def document():
    return json.loads(json.dumps(SchemaGenerator().get_schema(request=None, public=True), default=str))


def test_the_committed_document_is_the_generated_one(tmp_path):
    call_command("spectacular", file=str(tmp_path / "openapi.yaml"))

    assert COMMITTED.read_text() == (tmp_path / "openapi.yaml").read_text(), (
        "run: manage.py spectacular --file docs/openapi.yaml"
    )


def test_generation_warns_of_nothing(document):
    GENERATOR_STATS.reset()
    SchemaGenerator().get_schema(request=None, public=True)

    assert not GENERATOR_STATS, GENERATOR_STATS


def test_the_document_is_valid_openapi(document):
    validate_schema(document)
    assert document["openapi"].startswith("3.1")


def test_every_endpoint_is_described(document):
    for prefix, _, _ in router.registry:
        own = {f"/api/ats/v1/{prefix}", f"/api/ats/v1/{prefix}/{{id}}"}
        assert own & document["paths"].keys(), prefix


def test_every_parameter_and_operation_says_what_it_means(document):
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["description"], path
            for parameter in operation.get("parameters", []):
                assert parameter.get("description") or parameter["in"] == "path", (path, parameter["name"])


def test_every_operation_names_its_errors_and_headers(document):
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert "401" in operation["responses"], path
            (security,) = operation["security"]
            assert "ApiKey" in security
            assert ("AccountToken" in security) == ("429" in operation["responses"])


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_answers_are_what_the_document_says(api, account, document, route):
    record = route.factory(linked_account=account)

    for path, answer in [
        (f"/api/ats/v1/{route.path}", api.get(route.path)),
        (f"/api/ats/v1/{route.path}", api.get(route.path, expand=route.expand)),
        (f"/api/ats/v1/{route.path}/{{id}}", api.get(f"{route.path}/{record.pk}")),
    ]:
        assert_fits(document, path, answer)


@pytest.mark.parametrize("path", ["account-details", "available-actions", "linked-accounts", "sync-status"])
def test_answers_about_the_account_are_what_the_document_says(api, document, path):
    assert_fits(document, f"/api/ats/v1/{path}", api.get(path))


def assert_fits(document, path, answer):
    assert answer.status_code == 200
    schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(answer.json(), schema | {"components": document["components"]})


def test_examples_have_exactly_the_fields_of_their_model(document):
    examples = 0
    for serializer in UnifiedModelSerializer.__subclasses__():
        for example in getattr(serializer, "_spectacular_annotation", {}).get("examples", []):
            assert list(example.value) == serializer.Meta.fields
            component = {"$ref": f"#/components/schemas/{serializer.__name__.removesuffix('Serializer')}"}
            jsonschema.validate(example.value, component | {"components": document["components"]})
            examples += 1
    assert examples == 4


def test_a_generated_client_reads_an_interview(transactional_db, live_server, tmp_path):
    account = LinkedAccountFactory()
    key = ApiKeyFactory(organization=account.organization)
    organizer = RemoteUserFactory(linked_account=account, first_name="Ana")
    interview = ScheduledInterviewFactory(linked_account=account, organizer=organizer, location="Room 1")
    client = tmp_path / "client"
    generate = [
        sys.executable,
        "-m",
        "openapi_python_client",
        "generate",
        "--meta",
        "none",
        "--output-path",
        str(client),
    ]
    subprocess.run([*generate, "--path", str(COMMITTED)], check=True, cwd=tmp_path)
    program = f"""
from client.client import AuthenticatedClient
from client.api.interviews import interviews_list, interviews_retrieve

client = AuthenticatedClient(
    base_url="{live_server.url}", token="{key.secret}", headers={{"X-Account-Token": "{account.token}"}}
)
(listed,) = interviews_list.sync(client=client, expand="organizer").results
retrieved = interviews_retrieve.sync("{interview.id}", client=client)
print(listed.organizer.first_name, retrieved.location, retrieved.created_at.year)
"""

    done = subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path, capture_output=True, text=True)

    assert done.stdout.split() == ["Ana", "Room", "1", "2026"]


def test_the_document_is_served(client, db):
    response = client.get("/api/schema/")

    assert response.status_code == 200
    assert yaml.safe_load(COMMITTED.read_text())["paths"].keys() == response.json()["paths"].keys()
