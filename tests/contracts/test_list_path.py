"""The one statement of a list against what filtersets and serializers make of the same rows."""

import random

import orjson
import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from api.parameters import Shape
from api.renderers import ORJSONRenderer
from api.tenants import NOTHING_HIDDEN
from linked_accounts.scopes import ALWAYS_ENABLED, change_scopes, hidden, model_fields
from sync.resources import RESOURCES
from tests.contracts.asking import START, VIEWSETS, random_parameters
from tests.routes import ROUTES


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

    for number in range(60):
        if number == 20:  # until here no row has a printed text
            call_command("reprint")
        if number == 40:
            forget_some_texts(chance)
        parameters = random_parameters(chance, viewset, company)
        expected = expected_pages(account, viewset, parameters)
        assert api.walk(route.path, **parameters) == expected, parameters
        if len(expected) > 1:
            last = api.get(route.path, **parameters).json()
            while last["next"]:
                cursor = last["next"]
                last = api.get(route.path, **parameters, cursor=cursor).json()
            assert api.walk(route.path, "previous", **parameters, cursor=cursor)[::-1] == expected, parameters


def forget_some_texts(chance):
    for resource in RESOURCES:
        rows = [row for row in resource.model.objects.values_list("pk", flat=True) if chance.random() < 0.2]
        resource.model.objects.filter(pk__in=rows).update(printed=None, printed_format=None)


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
    call_command("reprint")
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
