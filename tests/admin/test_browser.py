import csv
from pathlib import Path

import pytest

from interviews.models import ScheduledInterview
from remote_users.models import RemoteUser
from tests.admin.rows import list_of, make
from tests.factories import ScheduledInterviewFactory

pytestmark = pytest.mark.browser


def test_staff_find_their_way_from_an_interview_to_its_organizers_panels(admin_user, live_server, page):
    interview = make(ScheduledInterview)
    RemoteUser.objects.filter(pk=interview.organizer_id).update(first_name="Olga")
    hosts, errors = set(), []
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))

    page.goto(f"{live_server.url}/admin/")
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", "password")
    page.click("button[type=submit]")
    page.locator(f'a[href="{list_of(ScheduledInterview)}"]:visible').first.click()
    page.click("#result_list >> text=Ada")
    page.click("summary")
    page.locator("pre").wait_for()
    page.get_by_role("link", name="Olga").first.click()
    page.click("text=Scheduled interviews (on the panel)")
    page.wait_for_url(f"{live_server.url}{list_of(ScheduledInterview)}?interviewer={interview.organizer_id}")

    assert page.locator("#result_list tbody tr").count() == 1
    assert hosts == {live_server.url.split("/")[2]}
    assert errors == []


def test_staff_take_what_a_list_shows_along_as_a_file(admin_user, live_server, page):
    complete = ScheduledInterviewFactory(status="COMPLETE")
    ScheduledInterviewFactory(status="SCHEDULED")
    page.goto(f"{live_server.url}/admin/login/?next={list_of(ScheduledInterview)}%3Fstatus=COMPLETE")
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", "password")
    page.click("button[type=submit]")

    with page.expect_download() as started:
        page.get_by_role("button", name="CSV").click()
    text = Path(started.value.path()).read_text(encoding="utf-8-sig")

    assert started.value.suggested_filename.endswith(".csv")
    assert [row["id"] for row in csv.DictReader(text.splitlines())] == [str(complete.pk)]
    assert page.locator("#result_list tbody tr").count() == 1  # the page stays
