"""Texts that are printed when rows are written, against the serializer, which is their definition."""

import json
import random
import uuid
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
from typing import get_type_hints

import orjson
import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from api.parameters import Shape
from api.printing import FORMAT, printing
from api.renderers import ORJSONRenderer
from applications.models import Application
from connectors.records import ApplicationRecord, Choice, JobRecord, Record, ScheduledInterviewRecord
from field_mappings.values import Mappings
from interviews.models import ScheduledInterview
from sync import reprinting
from sync.ingest import Ingest
from sync.resources import RESOURCES
from sync.stamps import Stamps, database_now
from tests import factories

PRINTED = Path(__file__).parent / "printed"  # by format, what that prints for one row of each model
WORDS = ["", "Ana", 'O"Neill\\', "日本\u2028 \x7f\x01\n", "%s {} $1", "null", '","job":"', "x" * 3000]
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
TIMES = [NOON, NOON + timedelta(microseconds=500), datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]
VALUES = {
    "bool": lambda chance: chance.random() < 0.5,
    "int": lambda chance: chance.randrange(-5, 2**31),
    "str": lambda chance: chance.choice(WORDS),
}


def random_record(chance, resource, remote_id):
    """Return a record of any values that the declared types allow."""
    values = {"remote_id": remote_id, "remote_was_deleted": chance.random() < 0.2}
    hints, shared = get_type_hints(resource.record), {declared.name for declared in fields(Record)}
    for name in sorted({declared.name for declared in fields(resource.record)} - shared):
        if chance.random() < 0.2:
            continue
        if name in resource.arrays:
            values[name] = tuple(chance.sample(WORDS[1:4], chance.randrange(4)))
        elif name in resource.references:
            values[name] = chance.choice(WORDS[1:4])
        elif name in resource.times:
            values[name] = chance.choice(TIMES)
        elif name in resource.choices:
            values[name] = Choice(chance.choice(WORDS), "origin")
        else:
            kind = next(kind for kind in VALUES if kind in str(hints[name]))
            values[name] = VALUES[kind](chance)
    return resource.record(**values)


def defined(resource, row):
    """Return the text that the serializer makes of a row."""
    serializer = resource.serializer(context={"shape": Shape()})
    return orjson.dumps(serializer.to_representation(row), option=ORJSONRenderer.options).decode()


def printed_by_sql(resource, row):
    with connection.cursor() as cursor:
        table = resource.model._meta.db_table
        cursor.execute(f"SELECT {printing(resource.serializer)} FROM {table} t WHERE id = %s", [row.id])
        return cursor.fetchone()[0]


def assert_printed(resource, row):
    assert row.printed_format == FORMAT
    assert row.printed == defined(resource, row) == printed_by_sql(resource, row)


by_name = pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)


@by_name
@pytest.mark.django_db(transaction=True)
def test_what_is_stored_is_printed_as_the_serializer_says(account, resource, monkeypatch):
    chance, ingest = random.Random(resource.name), Ingest(account.id)
    mapped = [None, '{"organization_defined_targets":{"a\\"b":{"value":[1.5,null]}}}']
    monkeypatch.setattr(Mappings, "has", lambda self, name: True)
    monkeypatch.setattr("sync.rows.RowMaker._mapped", lambda self, record, key: chance.choice(mapped))

    for _ in range(3):  # what is new, then what changes
        assert ingest.store([random_record(chance, resource, str(number)) for number in range(60)]) == []
        for each in RESOURCES:  # what is referred to as well
            for row in each.model.objects.all():
                assert_printed(each, row)
    assert resource.model.objects.filter(remote_id__isnull=False).count() >= 60


@pytest.mark.django_db(transaction=True)
def test_what_is_deleted_and_what_is_stamped_again_is_printed_anew(account):
    interviews, ingest = RESOURCES[-1], Ingest(account.id)
    ingest.store(
        [ScheduledInterviewRecord(remote_id="1", interviewers=("7",)), ScheduledInterviewRecord(remote_id="2")]
    )
    first = ScheduledInterview.objects.get(remote_id="1")

    ingest.mark_deleted(interviews, [first.id.hex])
    while database_now() < first.modified_at:
        sleep(0.05)
    Stamps(account.id)._settle(first.modified_at)

    first, second = ScheduledInterview.objects.order_by("remote_id")
    assert first.remote_was_deleted
    assert second.modified_at > second.created_at
    assert_printed(interviews, first)
    assert_printed(interviews, second)


@by_name
def test_a_text_does_not_outlive_what_it_tells(account, resource):
    factory = getattr(factories, f"{resource.name}Factory")
    public = [name for name in resource.serializer.Meta.fields if name != "remote_data"]
    stored = [field for field in resource.model._meta.fields if field.name in public]
    assert len(stored) >= 7
    for field in stored:
        row = factory(linked_account=account, printed="{}", printed_format=FORMAT, remote_id=field.name)
        others = resource.model.objects.filter(pk=row.pk)
        assert others.update(content_hash=b"other") == 1
        assert others.get().printed == "{}"

        other = {
            "UUIDField": row.linked_account_id,
            "TextField": "other",
            "DateTimeField": row.created_at + timedelta(seconds=-1 if field.name == "created_at" else 1),
            "BooleanField": True,
            "IntegerField": 7,
            "JSONTextField": {"other": 1},
            "ArrayField": [row.id],
            "ForeignKey": row.id,
        }[type(field).__name__]
        assert others.update(**{field.attname: other}) == 1
        changed = resource.model.objects.get(pk=other if field.name == "id" else row.pk)
        assert (changed.printed, changed.printed_format) == (None, None), field.name


@pytest.mark.django_db(transaction=True)
def test_texts_of_another_format_are_printed_as_they_are_read(api, account):
    Ingest(account.id).store([ScheduledInterviewRecord(remote_id="1", location="Room")])
    before = api.results("interviews")
    ScheduledInterview.objects.update(printed='{"an older": "shape"}', printed_format=FORMAT - 1)

    with CaptureQueriesContext(connection) as queries:
        assert api.results("interviews") == before
    assert len(queries) == 2
    assert api.get(f"interviews/{before[0]['id']}").json() == before[0]


@pytest.mark.django_db(transaction=True)
def test_an_interview_repeats_the_job_of_its_application(account):
    ingest = Ingest(account.id)

    def job():
        return ScheduledInterview.objects.values_list("job", flat=True).get()

    ingest.store([ScheduledInterviewRecord(remote_id="1", application="a")])
    assert job() is None
    ingest.store([ApplicationRecord(remote_id="a", job="x")])
    assert job() == Application.objects.get().job_id is not None
    ingest.store([ApplicationRecord(remote_id="b", job=JobRecord(remote_id="y", name="Cook"))])
    ingest.store([ScheduledInterviewRecord(remote_id="1", application="b")])
    assert job() == Application.objects.get(remote_id="b").job_id
    ingest.store([ApplicationRecord(remote_id="b"), ScheduledInterviewRecord(remote_id="2", application="a")])
    assert ScheduledInterview.objects.get(remote_id="1").job_id is None
    assert ScheduledInterview.objects.get(remote_id="2").job_id == Application.objects.get(remote_id="a").job_id


@pytest.mark.django_db(transaction=True)
def test_reprinting_goes_on_where_it_was_broken_off(account, monkeypatch):
    Ingest(account.id).store([ScheduledInterviewRecord(remote_id=str(number)) for number in range(20)])
    ScheduledInterview.objects.update(printed="{}", printed_format=FORMAT - 1)
    modified_at = set(ScheduledInterview.objects.values_list("modified_at", flat=True))
    monkeypatch.setattr(reprinting, "CHUNK", 8)
    chunks = reprinting.reprint()

    assert next(chunks) == ("ScheduledInterview", 8)
    chunks.close()
    assert ScheduledInterview.objects.filter(printed_format=FORMAT).count() == 8
    call_command("reprint")

    for row in ScheduledInterview.objects.all():
        assert_printed(RESOURCES[-1], row)
    assert set(ScheduledInterview.objects.values_list("modified_at", flat=True)) == modified_at
    assert list(reprinting.reprint()) == []


@by_name
def test_a_format_prints_the_same_for_ever(account, resource):
    """If this fails, raise FORMAT, and keep what the new one prints in `printed/`."""
    row = getattr(factories, f"{resource.name}Factory")(linked_account=account, id=uuid.UUID(int=7), remote_id="7")

    assert printed_by_sql(resource, row) == json.loads((PRINTED / f"{FORMAT}.json").read_text())[resource.name]
