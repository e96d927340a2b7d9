"""No linked account ever sees another's rows, by any endpoint, filter, expansion or id."""

import pytest
from django.urls import get_resolver

from applications.models import ApplicationRemoteData
from tests.conftest import Api
from tests.factories import (
    ApplicationFactory,
    JobFactory,
    JobInterviewStageFactory,
    LinkedAccountFactory,
    RemoteUserFactory,
    ScheduledInterviewFactory,
)
from tests.routes import ROUTES


def secrets_of(*rows):
    return [str(row.id) for row in rows] + [row.remote_id for row in rows]


@pytest.fixture
def foreign(db):
    """A neighbour of another organization with a row of each kind, all of which say SECRET."""
    neighbour = LinkedAccountFactory(end_user_origin_id="SECRET", end_user_organization_name="SECRET")
    job = JobFactory(linked_account=neighbour, remote_id="SECRET", name="SECRET")
    user = RemoteUserFactory(
        linked_account=neighbour, remote_id="SECRET", first_name="SECRET", email="SECRET@x.example"
    )
    stage = JobInterviewStageFactory(linked_account=neighbour, remote_id="SECRET", job=job, name="SECRET")
    application = ApplicationFactory(linked_account=neighbour, remote_id="SECRET", job=job, source="SECRET")
    ApplicationRemoteData.objects.create(record=application, entries=[{"path": "SECRET"}], content_hash=b"0" * 16)
    interview = ScheduledInterviewFactory(
        linked_account=neighbour,
        remote_id="SECRET",
        application=application,
        job_interview_stage=stage,
        organizer=user,
        interviewers=[user.id],
        location="SECRET",
    )
    return {"job": job, "user": user, "stage": stage, "application": application, "interview": interview}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_an_account_never_sees_another_accounts_rows(api, route):
    foreign = route.factory()

    assert api.get(f"{route.path}/{foreign.pk}").status_code == 404
    assert api.results(route.path, include_deleted_data="1", include_shell_data="1") == []
    assert api.results(route.path, remote_id=foreign.remote_id) == []


def test_no_route_and_no_filter_shows_a_neighbour(api, foreign):
    filters = {
        "application_id": foreign["application"].id,
        "job_id": foreign["job"].id,
        "job_interview_stage_id": foreign["stage"].id,
        "organizer_id": foreign["user"].id,
        "credited_to_id": foreign["user"].id,
        "current_stage_id": foreign["stage"].id,
        "source": "SECRET",
        "email": "SECRET@x.example",
        "remote_id": "SECRET",
        "end_user_origin_id": "SECRET",
        "id": foreign["application"].linked_account_id,
    }
    paths = [str(route.pattern) for route in all_routes() if "<pk>" not in str(route.pattern)]
    assert len(paths) >= 10

    for path in paths:
        url = "/api/ats/v1/" + path.strip("^$").removesuffix("/?")
        for parameters in [{}, *({name: value} for name, value in filters.items())]:
            response = api.client.get(url, parameters | {"include_deleted_data": "1", "include_shell_data": "1"})
            assert b"SECRET" not in response.content, (url, parameters)


def all_routes():
    included = [entry for entry in get_resolver().url_patterns if str(entry.pattern) == "api/ats/v1/"]
    return [route for entry in included for route in entry.url_patterns]


def test_expansion_of_a_foreign_reference_stays_an_id(api, account, foreign):
    """Which no sync can make: were a row to point at a neighbour's by a fault, the neighbour would still be safe."""
    ScheduledInterviewFactory(
        linked_account=account,
        application=foreign["application"],
        job_interview_stage=foreign["stage"],
        organizer=foreign["user"],
        interviewers=[foreign["user"].id],
        job=None,  # as a sync looks it up among the account's own applications
    )

    response = api.get(
        "interviews", expand="application,job_interview_stage,organizer,interviewers", include_remote_data="true"
    )

    assert b"SECRET" not in response.content
    assert response.json()["results"][0]["organizer"] == str(foreign["user"].id)
    assert api.results("interviews", job_id=foreign["job"].id) == []


def test_two_accounts_of_one_organization_are_apart_too(api, account):
    sibling = LinkedAccountFactory(organization=account.organization)
    user = RemoteUserFactory(linked_account=sibling)

    assert api.results("users") == []
    assert Api(sibling).results("users")[0]["id"] == str(user.id)


def test_the_same_remote_id_has_another_id_in_another_account(db):
    assert RemoteUserFactory(remote_id="1").id != RemoteUserFactory(remote_id="1").id
