from dataclasses import fields

import pytest

from connectors.base import Connector
from connectors.records import Record
from sync.resources import BY_NAME, LISTED, RESOURCES
from unified.models import UnifiedModel


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_record_and_model_have_the_same_fields(resource):
    columns = {field.name for field in resource.model._meta.fields} - {field.name for field in _shared(resource.model)}
    of_record = {field.name for field in fields(resource.record)} - {field.name for field in fields(Record)}

    assert columns == of_record | {*resource.origin_columns, *resource.borrowed}


def _shared(model):
    return [field for field in model._meta.fields if field.name in {own.name for own in UnifiedModel._meta.fields}]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_models_carry_the_name_of_their_record(resource):
    assert resource.model.__name__ == resource.name
    assert resource.remote_data_model.__name__ == f"{resource.name}RemoteData"


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_parents_come_first(resource):
    earlier = [one.name for one in RESOURCES[: RESOURCES.index(resource)]]

    assert {*resource.references.values(), *resource.arrays.values()} <= set(earlier)


@pytest.mark.parametrize("resource", LISTED, ids=lambda resource: resource.name)
def test_every_listing_is_a_connectors_method(resource):
    assert callable(getattr(Connector, resource.fetch))


def test_kinds_are_read_from_record_and_model():
    interview = BY_NAME["ScheduledInterview"]

    assert interview.references["application"] == "Application"
    assert interview.arrays["interviewers"] == "RemoteUser"
    assert "start_at" in interview.times
    assert interview.choices == ["status"]
    assert interview.plain == ["location", "remote_group"]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_columns_are_those_of_the_model(resource):
    columns = {field.column for field in resource.model._meta.fields}

    assert {*resource.columns, *resource.origin_columns} <= columns
