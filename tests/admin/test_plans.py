"""Every list and search of the admin walks an index made for it."""

import pytest
from django.contrib.admin import site
from django.contrib.admin.views.main import ChangeList
from django.db import connection

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


@pytest.mark.parametrize("model", UNIFIED, ids=label)
def test_a_list_walks_an_index_in_its_order(admin_client, model):
    row = make(model)
    index = "interview_start" if model is ScheduledInterview else "_newest"

    for narrowed in ({}, {"linked_account__id__exact": row.linked_account_id}):
        found = plan(admin_client, model, **narrowed)
        assert index in found
        assert "Seq Scan" not in found


@pytest.mark.parametrize("parameters", [{"when": "upcoming"}, {"when": "past"}, {"status": "SCHEDULED"}])
def test_filters_of_interviews_walk_the_index_of_their_order(admin_client, db, parameters):
    make(ScheduledInterview)

    assert "interview_start" in plan(admin_client, ScheduledInterview, **parameters)


SEARCHED = [model for model in UNIFIED if site.get_model_admin(model).words]


@pytest.mark.parametrize("model", SEARCHED, ids=label)
def test_words_are_looked_up_in_their_index(db, model):
    found = search_words(model.objects.all(), site.get_model_admin(model).words, "maria")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")

    assert "_words" in found.explain()
