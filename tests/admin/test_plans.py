"""Every list and search of the admin walks an index made for it."""

import re

import pytest
from django.contrib.admin import site
from django.contrib.admin.views.main import ChangeList
from django.db import connection
from django.test.utils import CaptureQueriesContext

from interviews.models import ScheduledInterview
from tests.admin.rows import UNIFIED, label, list_of, make
from unified.admin import search_words


def plan(client, model, **parameters):
    """Return the plan of a list's page, made as if the table were too big to be read or sorted."""
    changes: ChangeList = client.get(list_of(model, **parameters)).context["cl"]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("SET LOCAL enable_bitmapscan = on")
    return changes.queryset[:30].explain()


def multiply(row, count=500):
    """Put that many more rows like this one beside it, for the planner to tell small indexes from large ones."""
    values = {field.column: field.column for field in row._meta.fields}
    values |= {"id": "gen_random_uuid()", "remote_id": "'copy ' || number"}
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {row._meta.db_table} ({', '.join(values)}) SELECT {', '.join(values.values())}"
            f" FROM {row._meta.db_table}, generate_series(1, {count}) number"
        )
        cursor.execute(f"ANALYZE {row._meta.db_table}")


@pytest.mark.parametrize("model", UNIFIED, ids=label)
def test_a_list_walks_an_index_in_its_order(admin_client, model):
    row = make(model)
    index = "interview_(account_)?start" if model is ScheduledInterview else "_newest"

    for narrowed in ({}, {"linked_account__id__exact": row.linked_account_id}):
        found = plan(admin_client, model, **narrowed)
        assert re.search(index, found)
        assert "Seq Scan" not in found


@pytest.mark.parametrize(
    ("parameters", "index"),
    [
        ({"when": "upcoming"}, "interview_(account_)?start"),
        ({"when": "past"}, "interview_(account_)?start"),
        ({"when": "none"}, "interview_without_start"),
        ({"status": "SCHEDULED"}, "interview_status_start"),
        ({"status": "no such"}, "interview_status_start"),
        ({"state": "present"}, "interview_start"),
        ({"state": "deleted"}, "interview_hidden_start"),
        ({"state": "shell"}, "interview_hidden_start"),
        ({"linked_account__id__exact": "6f2a5f4e-7f1b-4a39-9d3c-6f7d3a3f8f10"}, "interview_account_start"),
    ],
)
def test_filters_of_interviews_walk_the_index_of_their_order(admin_client, db, parameters, index):
    multiply(make(ScheduledInterview))

    assert re.search(rf"\b{index}\b", plan(admin_client, ScheduledInterview, **parameters))


def test_interviews_of_a_stage_walk_an_index_of_their_order(admin_client, interview):
    chosen = {"job_interview_stage__id__exact": interview.job_interview_stage_id}

    assert re.search("interview_(stage|account)_start", plan(admin_client, ScheduledInterview, **chosen))


@pytest.mark.parametrize("model", UNIFIED, ids=label)
def test_what_a_search_found_is_sorted_rather_than_met_on_a_walk(admin_client, model):
    row = make(model)
    multiply(row)

    found = plan(admin_client, model, q=str(row.pk))

    assert "_pkey" in found
    assert not re.search("interview_(account_)?start|_newest", found)


def standard_lists(model):
    row = make(model)
    yield {}
    yield {"linked_account__id__exact": row.linked_account_id}
    for state in ("present", "deleted", "shell"):
        yield {"state": state}
    for entry in site.get_model_admin(model).list_filter:
        if isinstance(entry, tuple) and entry[0] != "linked_account":
            yield {f"{entry[0]}__id__exact": getattr(row, f"{entry[0]}_id")}
    if model is ScheduledInterview:
        yield {"interviewer": row.interviewers[0]}
        for when in ("upcoming", "past", "none"):
            yield {"when": when}
        yield {"status": "SCHEDULED"}
    yield {"start_at__year" if model is ScheduledInterview else "created_at__year": 2026}
    for text in ("maria", str(row.pk), "maria silva"):
        yield {"q": text}


@pytest.mark.parametrize("model", UNIFIED, ids=label)
def test_no_query_of_a_list_reads_a_table_from_end_to_end(admin_client, model):
    tables = "|".join(unified._meta.db_table for unified in UNIFIED)
    for parameters in standard_lists(model):
        with CaptureQueriesContext(connection) as captured:
            assert admin_client.get(list_of(model, **parameters)).status_code == 200
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")  # the tables here are so small that it would be best
            for sql in (query["sql"] for query in captured if query["sql"].startswith("SELECT")):
                cursor.execute(f"EXPLAIN {sql}")
                found = "\n".join(line for (line,) in cursor.fetchall())
                assert not re.search(rf"Seq Scan on ({tables})\b", found), (parameters, sql, found)
            cursor.execute("SET LOCAL enable_seqscan = on")


SEARCHED = [model for model in UNIFIED if site.get_model_admin(model).words]


@pytest.mark.parametrize("model", SEARCHED, ids=label)
def test_words_are_looked_up_in_their_index(db, model):
    found = search_words(model.objects.all(), site.get_model_admin(model).words, "maria")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")

    assert "_words" in found.explain()
