"""The one statement of a list against what filtersets and serializers make of the same rows."""

import itertools
import random
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from api.parameters import Shape
from api.renderers import ORJSONRenderer
from api.tenants import NOTHING_HIDDEN
from config.api_router import router
from interviews.models import ScheduledInterviewRemoteData
from linked_accounts.scopes import ALWAYS_ENABLED, change_scopes, hidden, model_fields
from remote_users.models import RemoteUserRemoteData
from tests import factories
from tests.routes import ROUTES

START = datetime(2026, 1, 1, tzinfo=UTC)
VIEWSETS = {prefix: viewset for prefix, viewset, _ in router.registry}


@pytest.fixture
def company(account):
    """Rows of every model with every mixture of absent, deleted, shell, changed and simultaneous."""
    chance = random.Random(7)
    common = itertools.count()

    def make(factory, **values):
        created_at = START + timedelta(seconds=chance.randrange(6))
        changed_at = created_at + timedelta(seconds=chance.choice([0, 0, 3, 7]), microseconds=chance.choice([0, 5]))
        return factory(
            linked_account=account,
            remote_id=str(next(common)),
            created_at=created_at,
            modified_at=changed_at,
            remote_was_deleted=chance.random() < 0.2,
            is_shell=chance.random() < 0.2,
            **values,
        )

    def maybe(values):
        return chance.choice([None, *values])

    users = [
        make(
            factories.RemoteUserFactory,
            email=maybe(["a@x.example", "A@X.example"]),
            disabled=maybe([True, False]),
            access_role=maybe(["ADMIN", "Guru"]),
            remote_access_role=maybe(["Site Admin"]),
            field_mappings=maybe([{"organization_defined_targets": {"team": {"value": 7}}}]),
        )
        for _ in range(12)
    ]
    jobs = [make(factories.JobFactory, name=maybe(["Accountant"])) for _ in range(3)]
    candidates = [make(factories.CandidateFactory, first_name=maybe(["Ana"])) for _ in range(4)]
    reasons = [make(factories.RejectReasonFactory, name=maybe(["Other"])) for _ in range(2)]
    stages = [
        make(factories.JobInterviewStageFactory, name="Onsite", job=maybe(jobs), stage_order=maybe([0, 1]))
        for _ in range(5)
    ]
    applications = [
        make(
            factories.ApplicationFactory,
            candidate=maybe(candidates),
            job=maybe(jobs),
            applied_at=maybe([START]),
            source=maybe(["Referral", "Board"]),
            credited_to=maybe(users),
            current_stage=maybe(stages),
            reject_reason=maybe(reasons),
        )
        for _ in range(12)
    ]
    interviews = [
        make(
            factories.ScheduledInterviewFactory,
            application=maybe(applications),
            job_interview_stage=maybe(stages),
            organizer=maybe(users),
            interviewers=[user.id for user in chance.sample(users, chance.randrange(4))],
            start_at=maybe([START]),
            status=maybe(["SCHEDULED", "to_be_sent"]),
            remote_status=maybe(["scheduled"]),
        )
        for _ in range(40)
    ]
    for model, rows in [(RemoteUserRemoteData, users[::2]), (ScheduledInterviewRemoteData, interviews[::2])]:
        for row in rows:
            model.objects.create(record=row, entries=[{"path": "/x", "data": row.remote_id}], content_hash=b"0" * 16)
    return {
        "application_id": applications,
        "job_id": jobs,
        "job_interview_stage_id": stages,
        "current_stage_id": stages,
        "organizer_id": users,
        "credited_to_id": users,
        "candidate_id": candidates,
        "reject_reason_id": reasons,
    }


def random_parameters(chance, viewset, rows):
    serializer, filterset = viewset.serializer_class, viewset.filterset_class
    parameters = {"page_size": chance.choice(["1", "3", "100"])}
    for name in ("created_after", "created_before", "modified_after", "modified_before"):
        if chance.random() < 0.25:
            parameters[name] = (START + timedelta(seconds=chance.randrange(10))).isoformat()
    for name in ("include_deleted_data", "include_shell_data", "include_remote_data"):
        if chance.random() < 0.5:
            parameters[name] = chance.choice(["true", "false"])
    for name in filterset.base_filters.keys() & rows.keys():
        if chance.random() < 0.25:
            parameters[name] = str(chance.choice(rows[name]).id)
    if "email" in filterset.base_filters and chance.random() < 0.3:
        parameters["email"] = "a@X.EXAMPLE"
    if "source" in filterset.base_filters and chance.random() < 0.3:
        parameters["source"] = "Board"
    names = [name for name in serializer.expandable if chance.random() < 0.4]
    if names:
        parameters["expand"] = ",".join(names)
    if serializer.enum_origins and chance.random() < 0.3:
        parameters["show_enum_origins"] = ",".join(serializer.enum_origins)
    return parameters


def expected_pages(account, viewset, parameters, hidden=NOTHING_HIDDEN):
    """Return the pages that Django's ORM, django-filter and the serializer make of the parameters."""
    filterset = viewset.filterset_class(parameters, viewset.queryset.for_account(account))
    assert filterset.is_valid(), filterset.errors
    shape = Shape(
        expand=frozenset(filter(None, parameters.get("expand", "").split(","))),
        enum_origins=frozenset(filter(None, parameters.get("show_enum_origins", "").split(","))),
        include_remote_data=parameters.get("include_remote_data") == "true",
    )
    context = {"shape": shape, "hidden": hidden}
    records = viewset.serializer_class(filterset.qs.in_list_order(), many=True, context=context).data
    records = orjson.loads(orjson.dumps(records, option=ORJSONRenderer.options))
    size = int(parameters["page_size"])
    return [records[start : start + size] for start in range(0, len(records), size)] or [[]]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_lists_answer_what_the_serializer_says_on_every_page(api, account, company, route):
    chance, viewset = random.Random(route.path), VIEWSETS[route.path]

    for _ in range(60):
        parameters = random_parameters(chance, viewset, company)
        expected = expected_pages(account, viewset, parameters)
        assert api.walk(route.path, **parameters) == expected, parameters
        if len(expected) > 1:
            last = api.get(route.path, **parameters).json()
            while last["next"]:
                cursor = last["next"]
                last = api.get(route.path, **parameters, cursor=cursor).json()
            assert api.walk(route.path, "previous", **parameters, cursor=cursor)[::-1] == expected, parameters


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_lists_hide_what_the_serializer_hides(api, account, company, route):
    chance, viewset = random.Random(route.path), VIEWSETS[route.path]
    model = viewset.serializer_class.Meta.model.__name__

    for _ in range(40):
        stored = random_scopes(chance, but=model)
        change_scopes(account, stored)
        disabled = stored.get(model, {}).get("disabled_fields", [])
        parameters = {
            name: value
            for name, value in random_parameters(chance, viewset, company).items()
            if name.removesuffix("_id") not in disabled and name != "job_id"
        }
        expected = expected_pages(account, viewset, parameters, hidden(account))
        assert api.walk(route.path, **parameters) == expected, (stored, parameters)


def random_scopes(chance, *, but):
    """Return scopes that disable some fields of some models, and some models but one."""
    return {
        name: {
            "read": name == but or chance.random() < 0.8,
            "disabled_fields": [field for field in fields if chance.random() < 0.3 and field not in ALWAYS_ENABLED],
        }
        for name, fields in model_fields().items()
        if chance.random() < 0.6
    }


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_a_list_is_one_statement_whatever_it_holds(api, account, company, route):
    api.get(route.path)  # who calls is remembered from here on

    for parameters in [
        {},
        {"page_size": 1},
        {"expand": route.expand, "include_remote_data": "1", "include_deleted_data": "1", "include_shell_data": "1"},
        {"expand": route.expand, "modified_after": START.isoformat(), "created_before": "2027-01-01"},
    ]:
        with CaptureQueriesContext(connection) as queries:
            assert api.results(route.path, **parameters)
        assert len(queries) == 1, [query["sql"] for query in queries]
