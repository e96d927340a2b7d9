import csv
import gzip
import io
import json
import tracemalloc

import psycopg
import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from applications.models import Candidate
from interviews.models import ScheduledInterview
from linked_accounts import exports, scopes
from linked_accounts.models import AuditEvent, LinkedAccount
from remote_users.models import RemoteUser
from tests.admin.rows import UNIFIED, label, list_of, make
from tests.conftest import Api
from tests.factories import CandidateFactory, LinkedAccountFactory, RemoteUserFactory, ScheduledInterviewFactory
from tests.routes import ROUTES

every_unified_model = pytest.mark.parametrize("model", UNIFIED, ids=label)


def export(client, model, format="ndjson", headers=None, **parameters):
    name = f"admin:{label(model).replace('.', '_')}_export"
    return client.post(reverse(name, args=[format], query=parameters or None), headers=headers)


def lines(response):
    assert response.status_code == 200
    return [json.loads(line) for line in response.getvalue().splitlines()]


def cells(response):
    assert response.status_code == 200
    text = response.getvalue().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_json_lines_say_what_the_api_says(admin_client, db, route):
    row = make(route.factory._meta.model)
    row.field_mappings = {"organization_defined_targets": {"team": "blue"}, "linked_account_defined_targets": {}}
    row.save()
    row.linked_account.token = row.linked_account.account_token()

    [line] = lines(export(admin_client, type(row)))
    answered = Api(row.linked_account).get(f"{route.path}/{row.pk}").json()

    assert line.pop("linked_account") == str(row.linked_account_id)
    assert line.pop("end_user_organization_name") == "Acme"
    assert line.pop("is_shell") is False
    assert line == {name: answered[name] for name in line}
    # What is not exported is the same for every row, or as large as the platform's originals.
    assert {json.dumps(answered[name]) for name in answered.keys() - line.keys()} <= {"null", "[]"}


def in_a_cell(value):
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


@every_unified_model
def test_csv_says_the_same_as_json_lines(admin_client, model):
    make(model)
    make(model)

    in_lines = lines(export(admin_client, model))
    in_cells = cells(export(admin_client, model, "csv"))

    assert [list(row) for row in in_cells] == [list(row) for row in in_lines]
    for row, line in zip(in_cells, in_lines, strict=True):
        assert row == {name: in_a_cell(value) for name, value in line.items()}


@every_unified_model
@pytest.mark.parametrize("format", ["csv", "ndjson"])
def test_a_list_without_rows_can_be_exported(admin_client, db, model, format):
    response = export(admin_client, model, format)

    assert len(response.getvalue().splitlines()) == (format == "csv")
    assert AuditEvent.objects.count() == 0


def test_times_are_iso_8601_in_utc(admin_client, interview):
    ScheduledInterview.objects.update(start_at="2026-05-01T12:30:00+02:00")

    for rows in (
        lines(export(admin_client, ScheduledInterview)),
        cells(export(admin_client, ScheduledInterview, "csv")),
    ):
        assert rows[0]["start_at"] == "2026-05-01T10:30:00Z"


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", '=HYPERLINK("https://evil.example")'],  # noqa: RUF001
)
def test_csv_holds_no_formulas(admin_client, db, text):
    CandidateFactory(first_name=text, last_name=f"O{text}")

    [row] = cells(export(admin_client, Candidate, "csv"))

    assert (row["first_name"], row["last_name"]) == (f"'{text}", f"O{text}")
    assert lines(export(admin_client, Candidate))[0]["first_name"] == text


def test_any_text_survives(admin_client, db):
    text = 'é 中 😀 "quoted", and\nin two lines; \u2028'
    CandidateFactory(first_name=text)

    assert lines(export(admin_client, Candidate))[0]["first_name"] == text
    assert cells(export(admin_client, Candidate, "csv"))[0]["first_name"] == text


def test_half_a_surrogate_pair_in_field_mappings_can_be_exported(admin_client, db):
    CandidateFactory()
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {Candidate._meta.db_table} SET field_mappings = %s", [r'{"a": "\ud800"}'])

    assert rb'"field_mappings":{"a": "\ud800"}' in export(admin_client, Candidate).getvalue()
    assert cells(export(admin_client, Candidate, "csv"))[0]["field_mappings"] == r'{"a": "\ud800"}'


def test_filters_search_and_order_are_those_of_the_list(admin_client, db, monkeypatch):
    monkeypatch.setattr(exports, "CHUNK", 7)
    account = LinkedAccountFactory()
    people = RemoteUserFactory.create_batch(40, linked_account=account, first_name="Zora", access_role="ADMIN")
    RemoteUserFactory(linked_account=account, first_name="Zora")
    RemoteUserFactory(first_name="Zora", access_role="ADMIN")
    RemoteUserFactory(linked_account=account, first_name="Ada", access_role="ADMIN")

    chosen = {"linked_account__id__exact": account.pk, "access_role": "ADMIN", "q": "zora"}
    exported = [line["id"] for line in lines(export(admin_client, RemoteUser, **chosen))]
    shown = [
        str(row.pk)
        for page in (1, 2)
        for row in admin_client.get(list_of(RemoteUser, **chosen, p=page)).context["cl"].result_list
    ]

    assert exported == shown
    assert set(exported) == {str(person.pk) for person in people}


def test_a_filter_by_no_id_exports_nothing(admin_client, db):
    response = export(admin_client, ScheduledInterview, application__id__exact="nonsense")

    assert response.url == f"{list_of(ScheduledInterview)}?e=1"


@every_unified_model
def test_who_may_see_a_list_may_export_it_and_nobody_else(client, django_user_model, model):
    make(model)
    user = django_user_model.objects.create_user("staff", is_staff=True)

    assert "/admin/login/" in export(client, model).url
    client.force_login(user)
    assert export(client, model).status_code == 403
    app, name = label(model).split(".")
    user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=f"view_{name}"))
    assert len(lines(export(client, model))) == 1


def test_a_mere_link_exports_nothing(admin_client, interview):
    url = reverse("admin:interviews_scheduledinterview_export", args=["csv"])

    assert admin_client.get(url).status_code == 405
    assert AuditEvent.objects.count() == 0


def test_each_organization_is_told_who_exported_how_much_of_its_own(admin_client, admin_user, db):
    mine, other = LinkedAccountFactory(), LinkedAccountFactory()
    second = LinkedAccountFactory(organization=mine.organization)
    for account in (mine, mine, second, other):
        RemoteUserFactory(linked_account=account, first_name="Zora")

    export(admin_client, RemoteUser, "csv", q="zora", disabled="yes").getvalue()  # none, of which nobody is told
    export(admin_client, RemoteUser, "csv", q="zora", o="6").getvalue()

    events = {event.organization: event for event in AuditEvent.objects.filter(event_type="EXPORTED_RECORDS")}
    assert {organization: event.event_description for organization, event in events.items()} == {
        mine.organization: "3 remote users as CSV, where q=zora.",
        other.organization: "1 remote users as CSV, where q=zora.",
    }
    event = events[mine.organization]
    assert (event.user_name, event.user_email, event.role) == (admin_user.username, admin_user.email, "ADMIN")
    assert event.ip_address == "127.0.0.1"


def test_what_scopes_hide_from_readers_is_not_exported(admin_client, interview):
    stored = {
        "ScheduledInterview": {"disabled_fields": ["location", "interviewers"]},
        "RemoteUser": {"read": False},
    }
    ScheduledInterview.objects.update(location="Room 7")
    scopes.change_default_scopes(interview.linked_account.organization, stored)
    ScheduledInterviewFactory(location="Room 8")

    hidden, shown = sorted(lines(export(admin_client, ScheduledInterview)), key=lambda line: line["location"] or "")

    assert (hidden["location"], hidden["interviewers"], shown["location"]) == (None, [], "Room 8")
    assert lines(export(admin_client, RemoteUser)) == []


def test_nothing_is_exported_of_an_account_that_is_being_deleted(admin_client, db):
    LinkedAccount.objects.filter(pk=CandidateFactory().linked_account_id).update(deleted_at=timezone.now())

    assert lines(export(admin_client, Candidate)) == []


@every_unified_model
def test_no_credential_is_exported(admin_client, model, settings):
    account = make(model).linked_account
    LinkedAccount.objects.filter(pk=account.pk).update(credentials={"client_secret": "client-secret-marker"})
    settings.CREDENTIAL_KEYS = []  # not even read: that would fail

    for format in ("csv", "ndjson"):
        text = export(admin_client, model, format).getvalue().decode()
        assert str(account.pk) in text
        assert [secret for secret in ("client-secret-marker", account.account_token()) if secret in text] == []


def make_candidates(account, numbers):
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {Candidate._meta.db_table} (id, linked_account_id, remote_id, created_at, modified_at, "
            "remote_was_deleted, is_shell, first_name) SELECT md5(n::text)::uuid, %s, n::text, now(), now(), false, "
            "false, md5(n::text) FROM generate_series(%s, %s) n",
            [account.pk, numbers[0], numbers[-1]],
        )


def peak(client, format):
    """Return how many bytes it takes to read an export piece by piece, and how many it has."""
    response = export(client, Candidate, format)
    tracemalloc.start()
    length = sum(map(len, response.streaming_content))
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return used, length


@pytest.mark.parametrize("format", ["csv", "ndjson"])
def test_ten_times_the_rows_take_no_more_memory(admin_client, account, monkeypatch, format):
    monkeypatch.setattr(exports, "CHUNK", 100)
    make_candidates(account, range(1, 1001))
    peak(admin_client, format)  # what is loaded on first use is no part of it
    used, length = peak(admin_client, format)

    make_candidates(account, range(1001, 10_001))
    used_then, length_then = peak(admin_client, format)

    assert length_then > 9 * length
    assert used_then < 1.5 * used < length_then / 2


@every_unified_model
def test_an_export_of_more_rows_takes_no_more_queries(admin_client, model):
    counts = []
    for _ in range(2):
        make(model)
        make(model)
        with CaptureQueriesContext(connection) as captured:
            export(admin_client, model).getvalue()
        counts.append(len([query for query in captured if "audit" not in query["sql"]]))

    assert counts[0] == counts[1]


def test_a_compressed_export_comes_in_pieces(admin_client, account, monkeypatch):
    monkeypatch.setattr(exports, "CHUNK", 100)
    make_candidates(account, range(1, 5001))

    response = export(admin_client, Candidate, headers={"Accept-Encoding": "gzip"})
    pieces = list(response.streaming_content)

    assert response["Content-Encoding"] == "gzip"
    assert len(gzip.decompress(b"".join(pieces)).splitlines()) == 5000
    assert max(map(len, pieces)) < sum(map(len, pieces)) / 4


def test_one_export_at_a_time(admin_client, interview):
    first = export(admin_client, ScheduledInterview)

    refused = export(admin_client, ScheduledInterview, status="COMPLETE")
    assert refused.url == f"{list_of(ScheduledInterview)}?status=COMPLETE"
    assert "Another export is under way" in admin_client.get(refused.url).text
    first.getvalue()

    assert len(lines(export(admin_client, ScheduledInterview))) == 1


def test_who_stops_reading_leaves_nothing_open(transactional_db, admin_client, monkeypatch):
    monkeypatch.setattr(exports, "CHUNK", 2)
    CandidateFactory.create_batch(10, linked_account=LinkedAccountFactory())

    response = export(admin_client, Candidate)
    next(iter(response.streaming_content))
    with connection.cursor() as cursor:
        cursor.execute("SELECT is_holdable FROM pg_cursors WHERE name LIKE '\\_django%'")
        assert cursor.fetchall() == [(True,)]
        response.close()
        cursor.execute("SELECT count(*) FROM pg_cursors WHERE name LIKE '\\_django%'")
        assert cursor.fetchone() == (0,)
    assert AuditEvent.objects.count() == 1


@pytest.mark.parametrize(("format", "ends"), [("csv", b"\r\nThe export broke off here.\r\n"), ("ndjson", b'"}\n')])
def test_a_file_that_breaks_off_says_so(transactional_db, admin_client, monkeypatch, format, ends):
    monkeypatch.setattr(exports, "CHUNK", 2)
    account = LinkedAccountFactory()
    for number in range(6):
        RemoteUserFactory(linked_account=account, remote_id=str(number))
    content = iter(export(admin_client, RemoteUser, format))
    found = next(content) + next(content)
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])

    found += b"".join(content)
    connection.close()

    assert b"broke off here" in found
    assert found.endswith(ends)
    assert b"broke off here" not in export(admin_client, RemoteUser, format).getvalue()


def test_the_file_has_a_name(admin_client, interview):
    response = export(admin_client, ScheduledInterview, "csv")
    response.getvalue()

    assert response["Content-Disposition"].startswith('attachment; filename="scheduled-interviews-20')
    assert "no-store" in response["Cache-Control"]


def test_every_unified_model_can_be_exported():
    assert [model for model in UNIFIED if not hasattr(admin.site.get_model_admin(model), "serializer")] == []
