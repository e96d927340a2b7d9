import json
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib import admin
from django.db import connection

from applications import admin as applications_admin
from applications.models import Application, Candidate, JobInterviewStage
from interviews.models import ScheduledInterview, ScheduledInterviewRemoteData
from remote_users.models import RemoteUser
from sync.models import ModelSync, SyncRun
from tests.admin.rows import list_of, make, page_of
from tests.admin.test_pages import queries
from tests.factories import (
    ApplicationFactory,
    CandidateFactory,
    LinkedAccountFactory,
    RemoteUserFactory,
    ScheduledInterviewFactory,
)
from unified import admin as unified_admin

NOW = datetime.now(UTC)
DAYS = [timedelta(days=days) for days in range(3)]


def found(client, model, **parameters):
    """Return the rows that a list shows, in its order."""
    response = client.get(list_of(model, **parameters))
    assert response.status_code == 200
    return list(response.context["cl"].result_list)


def remote_data(client, interview, data):
    ScheduledInterviewRemoteData.objects.update_or_create(
        record=interview, defaults={"entries": [{"path": "/interviews", "data": data}], "content_hash": b"0" * 16}
    )
    response = client.get(page_of(interview))
    assert response.status_code == 200
    return response.text


def test_markup_in_remote_data_is_text(admin_client, interview):
    attack = "</script><img src=x onerror=alert(1)>"

    page = remote_data(admin_client, interview, {attack: attack})

    assert attack not in page
    assert "<img src=x" not in page
    assert "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;" in page


def test_markup_in_unified_fields_is_text(admin_client, interview):
    attack = "<img src=x onerror=alert(1)>"
    ScheduledInterview.objects.update(location=attack, status=attack, remote_id=attack)
    Candidate.objects.update(first_name=attack)
    RemoteUser.objects.update(first_name=attack)

    for url in (page_of(interview), list_of(ScheduledInterview), list_of(ScheduledInterview, status=attack, q=attack)):
        page = admin_client.get(url).text
        assert attack not in page
        assert "&lt;img src=x" in page


def test_markup_in_what_a_sync_reports_is_text(admin_client, db):
    attack = "</script><img src=x onerror=alert(1)>"
    run, sync = make(SyncRun), make(ModelSync)
    SyncRun.objects.update(error=attack, counts={attack: attack})
    ModelSync.objects.update(problems=[{"remote_id": attack, "reason": attack}])

    for row in (run, sync):
        page = admin_client.get(page_of(row)).text
        assert "<img src=x" not in page
        assert "&lt;img src=x" in page


def test_remote_data_is_indented(admin_client, interview):
    page = remote_data(admin_client, interview, {"status": "complete", "panel": [1, "é"]})

    assert "{\n  &quot;status&quot;: &quot;complete&quot;,\n  &quot;panel&quot;: [\n    1,\n    &quot;é&quot;\n" in page


def test_remote_data_is_cut_where_it_is_long(admin_client, interview):
    page = remote_data(admin_client, interview, "x" * 1_000_000)

    assert "… and 950,002 characters more" in page
    assert len(page) < 150_000


def test_half_a_surrogate_pair_in_remote_data_can_be_shown(admin_client, interview):
    with connection.cursor() as cursor:
        table = ScheduledInterviewRemoteData._meta.db_table
        cursor.execute(f"UPDATE {table} SET entries = %s", [r'[{"path": "/here", "data": "\ud800"}]'])

    assert r"\ud800" in admin_client.get(page_of(interview)).text


def test_a_record_without_remote_data_has_a_page(admin_client, db):
    interview = ScheduledInterviewFactory()

    assert admin_client.get(page_of(interview)).status_code == 200


def test_the_panel_is_shown_by_name_in_its_order(admin_client, interview):
    for person, name in zip(reversed(interview.interviewers), ("Ada", "Bo", "Cy"), strict=True):
        RemoteUser.objects.filter(pk=person).update(first_name=name)

    page = admin_client.get(page_of(interview)).text.split("Interviewers")[1]

    assert page.index(">Cy<") < page.index(">Bo<") < page.index(">Ada<")


def test_a_bigger_panel_takes_no_more_queries(admin_client, interview):
    before = queries(admin_client, page_of(interview))

    people = RemoteUserFactory.create_batch(9, linked_account=interview.linked_account)
    ScheduledInterview.objects.update(interviewers=[person.id for person in people])

    assert queries(admin_client, page_of(interview)) == before


@pytest.mark.parametrize("field", ["linked_account", "application", "job_interview_stage", "organizer"])
def test_an_interview_links_to_what_it_refers_to(admin_client, interview, field):
    assert page_of(getattr(interview, field)) in admin_client.get(page_of(interview)).text


@pytest.mark.parametrize("field", ["linked_account", "application", "job_interview_stage", "organizer"])
def test_what_an_interview_refers_to_leads_to_it(admin_client, interview, field):
    make(ScheduledInterview)
    url = list_of(ScheduledInterview, **{f"{field}__id__exact": getattr(interview, field).pk})

    assert f'href="{url}"' in admin_client.get(page_of(getattr(interview, field))).text
    assert list(admin_client.get(url).context["cl"].result_list) == [interview]


def test_a_person_leads_to_the_panels_they_sit_on(admin_client, interview):
    make(ScheduledInterview)
    person = RemoteUser.objects.get(pk=interview.interviewers[2])

    url = list_of(ScheduledInterview, interviewer=person.pk)

    assert f'href="{url}"' in admin_client.get(page_of(person)).text
    assert found(admin_client, ScheduledInterview, interviewer=person.pk) == [interview]


@pytest.mark.parametrize("name", ["application__id__exact", "linked_account__id__exact", "interviewer"])
def test_a_filter_by_no_id_is_refused_politely(admin_client, db, name):
    response = admin_client.get(list_of(ScheduledInterview, **{name: "nonsense"}))

    assert response.url.endswith("?e=1")


def test_a_status_that_only_a_platform_knows_can_be_filtered_by(admin_client, db):
    held = ScheduledInterviewFactory(status="On hold")
    ScheduledInterviewFactory(status="SCHEDULED")

    assert found(admin_client, ScheduledInterview, status="On hold") == [held]


def test_interviews_come_latest_first_and_those_without_a_time_last(admin_client, db):
    rows = [ScheduledInterviewFactory(start_at=at) for at in (NOW, None, NOW + timedelta(days=1))]

    assert found(admin_client, ScheduledInterview) == [rows[2], rows[0], rows[1]]


def test_upcoming_interviews_come_soonest_first(admin_client, db):
    rows = [ScheduledInterviewFactory(start_at=NOW + timedelta(days=days)) for days in (2, 1, -1)]

    assert found(admin_client, ScheduledInterview, when="upcoming") == [rows[1], rows[0]]


def test_interviews_without_a_time_come_newest_first_and_cannot_be_sorted_by_it(admin_client, db):
    rows = [ScheduledInterviewFactory(start_at=None, created_at=NOW + time, modified_at=NOW + time) for time in DAYS]

    for order in ({}, {"o": 4}, {"o": -4}):
        assert found(admin_client, ScheduledInterview, when="none", **order) == rows[::-1]


def test_a_column_without_an_index_is_never_sorted_by(admin_client, db):
    rows = [ScheduledInterviewFactory(start_at=NOW - time, end_at=NOW + time, status=str(time)) for time in DAYS]

    for column in range(12):
        if column != 3:  # the start
            assert found(admin_client, ScheduledInterview, o=column) == rows
            assert found(admin_client, ScheduledInterview, o=-column) == rows


@pytest.mark.parametrize("text", ["zora", "Zora O'Neal", "neal smith", "SMITH zo", "zora@acme.example", "zora@"])
def test_people_are_found_by_the_beginnings_of_words(admin_client, db, text):
    person = RemoteUserFactory(first_name="Zora", last_name="O'Neal-Smith", email="zora@acme.example")
    RemoteUserFactory(first_name="Azora", last_name="Osmith", email="a.zora@acme.example")

    assert found(admin_client, RemoteUser, q=text) == [person]


@pytest.mark.parametrize("model", [Application, ScheduledInterview])
def test_applications_and_interviews_are_found_by_their_candidate(admin_client, db, model):
    candidate = CandidateFactory(first_name="Maria", last_name="Silva")
    account = candidate.linked_account
    application = ApplicationFactory(linked_account=account, candidate=candidate)
    interview = ScheduledInterviewFactory(linked_account=account, application=application)
    make(ScheduledInterview)

    assert found(admin_client, model, q="sil mar") == [{Application: application, ScheduledInterview: interview}[model]]


# Expected: candidates of that name and of any, rows that the filters leave and all rows.
@pytest.mark.parametrize("expected", [(900, 1000, 10, 10_000), (1, 1000, 10_000, 10_000)], ids=["by row", "by name"])
@pytest.mark.parametrize("model", [Application, ScheduledInterview])
def test_a_search_by_candidate_finds_the_same_whichever_way_it_takes(admin_client, db, monkeypatch, model, expected):
    rows = [make(model) for _ in range(3)]
    name = iter(["Maria", "Marie", "Ada"])
    for candidate in Candidate.objects.order_by("created_at", "id"):
        Candidate.objects.filter(pk=candidate.pk).update(first_name=next(name))
    counts = iter(expected)
    monkeypatch.setattr(applications_admin, "estimated_count", lambda rows: next(counts))

    sought = [row for row in rows if applicant(row) != "Ada"]

    assert set(found(admin_client, model, q="mari")) == set(sought)
    assert next(counts, None) is None


def applicant(row):
    application = row if isinstance(row, Application) else row.application
    return Candidate.objects.get(pk=application.candidate_id).first_name


@pytest.mark.parametrize("model", [Candidate, Application, ScheduledInterview])
def test_a_search_stays_within_the_filters_however_many_others_it_finds(admin_client, db, monkeypatch, model):
    monkeypatch.setattr(unified_admin, "SEARCH_LIMIT", 1)
    for row in [make(model) for _ in range(3)]:
        Candidate.objects.update(first_name="Maria")
        account = {"linked_account__id__exact": row.linked_account_id}

        assert found(admin_client, model, q="maria", **account) == [row]


def test_a_long_list_tells_about_how_long_it_is(admin_client, db, monkeypatch):
    monkeypatch.setattr(unified_admin, "COUNT_LIMIT", 60)
    CandidateFactory.create_batch(75, linked_account=LinkedAccountFactory())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE applications_candidate")

    first = admin_client.get(list_of(Candidate))

    assert "about 75 candidates" in " ".join(first.text.split())
    assert first.context["cl"].paginator.num_pages == 2
    assert len(found(admin_client, Candidate, p=2)) == 30
    assert admin_client.get(list_of(Candidate, p=3)).url.endswith("?e=1")


def test_a_list_without_filters_is_counted_further_than_pages_lead(admin_client, db, monkeypatch):
    monkeypatch.setattr(unified_admin, "COUNT_LIMIT", 30)
    monkeypatch.setattr(unified_admin, "estimated_count", None)
    CandidateFactory.create_batch(35, linked_account=LinkedAccountFactory())

    first = admin_client.get(list_of(Candidate))

    assert "about 35 candidates" in " ".join(first.text.split())
    assert first.context["cl"].paginator.num_pages == 1


def test_a_short_list_is_counted(admin_client, db):
    CandidateFactory.create_batch(31, linked_account=LinkedAccountFactory())

    response = admin_client.get(list_of(Candidate))

    assert "31 candidates" in " ".join(response.text.split())
    assert "about" not in response.text.split('class="py-4"')[1]
    assert len(found(admin_client, Candidate, p=2)) == 1


def test_years_that_only_a_platform_knows_are_not_offered(admin_client, db):
    for year in (1, 9999, NOW.year):
        ScheduledInterviewFactory(start_at=datetime(year, 1, 1, tzinfo=UTC))

    page = admin_client.get(list_of(ScheduledInterview)).text

    assert f"start_at__year={NOW.year}" in page
    assert page.count("start_at__year=") == unified_admin.YEARS_BACK + unified_admin.YEARS_AHEAD + 1


def test_the_choices_of_a_filter_are_looked_up_by_typing(admin_client, interview):
    RemoteUser.objects.filter(pk=interview.organizer_id).update(first_name="Zora")

    response = admin_client.get(
        "/admin/autocomplete/",
        {"app_label": "interviews", "model_name": "scheduledinterview", "field_name": "organizer", "term": "zo"},
    )

    assert response.json()["results"] == [{"id": str(interview.organizer_id), "text": "Zora"}]


def test_every_reference_can_be_filtered_by(rf):
    request = rf.get("/")
    for model in (Application, JobInterviewStage, ScheduledInterview):
        fields = {field.name for field in model._meta.fields if field.many_to_one}
        filters = admin.site.get_model_admin(model).get_list_filter(request)

        assert fields <= {entry[0] for entry in filters if isinstance(entry, tuple)}


def test_field_mappings_are_shown(admin_client, interview):
    ScheduledInterview.objects.update(field_mappings={"organization_defined_targets": {"team": "blue"}})

    assert json.dumps("blue").replace('"', "&quot;") in admin_client.get(page_of(interview)).text
