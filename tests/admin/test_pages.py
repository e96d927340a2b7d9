"""What every page of the admin has in common, whichever model it shows."""

from html import unescape

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from interviews.models import ScheduledInterview
from tests.admin.rows import MODELS, UNIFIED, label, list_of, make, page_of

every_model = pytest.mark.parametrize("model", MODELS, ids=label)
every_unified_model = pytest.mark.parametrize("model", UNIFIED, ids=label)


def queries(client, url):
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


@pytest.fixture
def staff(client, django_user_model):
    """Someone who may enter the admin, and see nothing there."""
    user = django_user_model.objects.create_user("staff", is_staff=True)
    client.force_login(user)
    return user


@every_model
def test_more_rows_take_no_more_queries(admin_client, model):
    make(model)
    make(model)
    before = queries(admin_client, list_of(model))

    for _ in range(4):
        make(model)

    assert queries(admin_client, list_of(model)) == before


@every_model
def test_each_row_has_a_page(admin_client, model):
    row = make(model)

    response = admin_client.get(page_of(row))

    assert response.status_code == 200
    assert str(row).casefold() in unescape(response.text).casefold()


@every_unified_model
def test_a_row_is_found_by_its_ids(admin_client, model):
    row = make(model)
    model.objects.filter(pk=row.pk).update(remote_id="sought")
    make(model)

    for text in (str(row.pk), "sought"):
        assert list(admin_client.get(list_of(model, q=text)).context["cl"].result_list) == [row]


@every_unified_model
def test_any_text_can_be_searched_for(admin_client, model):
    make(model)

    for text in ("'", "''", "\\", "a'b\\c", "a & b", "!", "<->", ":*", "%", "()", "é 中 😀", "x" * 5000):
        assert admin_client.get(list_of(model, q=text)).status_code == 200, text[:9]


@every_unified_model
def test_a_year_a_month_and_a_day_narrow_a_list(admin_client, model):
    row = make(model)  # made at the first of January 2026
    field = "created_at"
    if model is ScheduledInterview:
        field = "start_at"
        model.objects.update(start_at=row.created_at)

    for date, found in (((2026,), True), ((2026, 1), True), ((2026, 1, 1), True), ((2026, 1, 2), False)):
        parts = {f"{field}__{part}": value for part, value in zip(("year", "month", "day"), date, strict=False)}
        assert (page_of(row) in admin_client.get(list_of(model, **parts)).text) == found, date


@every_unified_model
@pytest.mark.parametrize("state", ["present", "deleted", "shell"])
def test_the_state_narrows_a_list(admin_client, model, state):
    row = make(model)
    model.objects.filter(pk=row.pk).update(remote_was_deleted=state == "deleted", is_shell=state == "shell")

    for asked in ("present", "deleted", "shell"):
        assert (page_of(row) in admin_client.get(list_of(model, state=asked)).text) == (asked == state)


@every_unified_model
def test_nothing_can_be_written(admin_client, model):
    row = make(model)
    before = model.objects.values().get(pk=row.pk)

    assert admin_client.post(page_of(row), {"remote_id": "changed"}).status_code == 403
    assert admin_client.post(page_of(row).replace("change", "delete"), {"post": "yes"}).status_code == 403
    assert admin_client.post(f"{list_of(model)}add/", {"remote_id": "new"}).status_code == 403
    admin_client.post(list_of(model), {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"})
    assert model.objects.values().get(pk=row.pk) == before


@every_model
def test_without_permission_nobody_sees_anything(client, staff, model):
    row = make(model)

    assert client.get(list_of(model)).status_code == 403
    assert client.get(page_of(row)).status_code == 403
    assert list_of(model) not in client.get("/admin/").text


@every_model
def test_a_permission_opens_one_model(client, staff, model):
    row = make(model)
    app, name = label(model).split(".")
    staff.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=f"view_{name}"))

    opened = [other for other in MODELS if client.get(list_of(other)).status_code == 200]

    assert opened == [model]
    assert client.get(page_of(row)).status_code == 200


@every_model
def test_a_stranger_is_asked_to_log_in(client, db, model):
    row = make(model)

    for url in (list_of(model), page_of(row)):
        assert client.get(url).url == f"/admin/login/?next={url}"


def test_the_sidebar_leads_to_every_list(admin_client):
    page = admin_client.get("/admin/").text.split('id="nav-sidebar-apps"')[1].split("<main")[0]

    assert [model for model in MODELS if f'"{list_of(model)}"' not in page] == []


def test_the_site_is_called_interloop(client):
    assert "Interloop" in client.get("/admin/login/").text


def test_who_logs_in_comes_to_the_admin(client, db):
    User.objects.create_superuser("root", password="password")

    assert client.post("/admin/login/", {"username": "root", "password": "password"}).url == "/admin/"
