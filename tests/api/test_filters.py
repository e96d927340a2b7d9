import uuid
from datetime import UTC, datetime, timedelta

import pytest

from tests.factories import (
    ApplicationFactory,
    CandidateFactory,
    JobFactory,
    JobInterviewStageFactory,
    RejectReasonFactory,
    RemoteUserFactory,
    ScheduledInterviewFactory,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def found(api, path, **parameters):
    return [record["remote_id"] for record in api.results(path, **parameters)]


@pytest.fixture
def users(account):
    """Three users, created at 12:00, 12:01 and 12:02; the first was changed at 12:05."""
    return [
        RemoteUserFactory(
            linked_account=account,
            remote_id=name,
            created_at=NOON + timedelta(minutes=n),
            modified_at=NOON + timedelta(minutes=5 if n == 0 else n),
        )
        for n, name in enumerate("abc")
    ]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"created_after": "2026-03-01T12:01:00Z"}, "bc"),
        ({"created_before": "2026-03-01T12:01:00Z"}, "a"),
        ({"created_after": "2026-03-01T12:01:00Z", "created_before": "2026-03-01T12:02:00Z"}, "b"),
        ({"modified_after": "2026-03-01T12:02:00Z"}, "ac"),
        ({"modified_after": "2026-03-01T12:05:00Z"}, "a"),
        ({"modified_after": "2026-03-01T12:05:00.000001Z"}, ""),
        ({"modified_before": "2026-03-01T12:05:00Z"}, "bc"),
        ({"modified_after": "2026-03-01T12:01:00Z", "modified_before": "2026-03-01T12:02:00Z"}, "b"),
        ({"modified_after": "2026-03-01T12:02:00Z", "created_before": "2026-03-01T12:01:00Z"}, "a"),
        ({"modified_after": "2026-03-01T12:00:30Z", "created_after": "2026-03-01T12:02:00Z"}, "c"),
        ({"remote_id": "b"}, "b"),
        ({"remote_id": " b"}, ""),
        ({"remote_id": ""}, "abc"),
        ({"nonsense": "b"}, "abc"),
        ({"remote_id": ["a", "c"]}, "c"),
    ],
)
def test_common_filters(api, users, parameters, expected):
    assert found(api, "users", **parameters) == list(expected)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T12:01:00Z",
        "2026-03-01T12:01:00",
        "2026-03-01T12:01:00.000000+00:00",
        "2026-03-01T12:01:00.0000009Z",  # cut to microseconds
        "2026-03-01T17:31:00+05:30",
        "2026-03-01T17:31:00 05:30",  # an unencoded plus arrives as a blank
        "2026-03-01T17:31:00 0530",
        "2026-03-01T04:01:00-08:00",
    ],
)
def test_dates_may_be_written_in_many_ways(api, users, text):
    assert found(api, "users", created_after=text) == ["b", "c"]


def test_a_date_alone_is_midnight_utc(api, users):
    assert found(api, "users", created_after="2026-03-01") == ["a", "b", "c"]
    assert found(api, "users", created_after="2026-03-02") == []


def test_every_bad_parameter_is_named_at_once(api):
    response = api.get(
        "interviews",
        created_after="yesterday",
        modified_before="0001-01-01T00:00:00+23:00",
        page_size="many",
        include_deleted_data="perhaps",
        include_remote_data="2",
        application_id="17",
        organizer_id="x",
        job_id="y",
        expand="candidate,organizer",
        show_enum_origins="location",
        remote_fields="nonsense",
        remote_id="a\0b",
    )

    assert response.status_code == 400
    assert set(response.json()) == {
        "created_after",
        "modified_before",
        "page_size",
        "include_deleted_data",
        "include_remote_data",
        "application_id",
        "organizer_id",
        "job_id",
        "expand",
        "show_enum_origins",
        "remote_fields",
        "remote_id",
    }
    assert all(isinstance(message, str) for messages in response.json().values() for message in messages)


@pytest.mark.parametrize("yes", ["true", "True", "TRUE", "1"])
def test_deleted_records_are_listed_on_request(api, account, yes):
    RemoteUserFactory(linked_account=account, remote_id="here")
    RemoteUserFactory(linked_account=account, remote_id="gone", remote_was_deleted=True)

    assert found(api, "users") == ["here"]
    assert found(api, "users", include_deleted_data="false") == ["here"]
    assert sorted(found(api, "users", include_deleted_data=yes)) == ["gone", "here"]


def test_shells_are_listed_on_request(api, account):
    RemoteUserFactory(linked_account=account, remote_id="filled")
    RemoteUserFactory(linked_account=account, remote_id="shell", is_shell=True)
    RemoteUserFactory(linked_account=account, remote_id="gone shell", is_shell=True, remote_was_deleted=True)

    assert found(api, "users") == ["filled"]
    assert sorted(found(api, "users", include_shell_data="1")) == ["filled", "shell"]
    assert found(api, "users", include_deleted_data="1") == ["filled"]
    assert len(found(api, "users", include_shell_data="1", include_deleted_data="1")) == 3


def test_interviews_by_reference(api, account):
    job = JobFactory(linked_account=account)
    application = ApplicationFactory(linked_account=account, job=job)
    stage = JobInterviewStageFactory(linked_account=account)
    organizer = RemoteUserFactory(linked_account=account)
    ScheduledInterviewFactory(linked_account=account, remote_id="other")
    ScheduledInterviewFactory(
        linked_account=account,
        remote_id="wanted",
        application=application,
        job_interview_stage=stage,
        organizer=organizer,
    )

    for name, target in [
        ("application_id", application),
        ("job_id", job),
        ("job_interview_stage_id", stage),
        ("organizer_id", organizer),
    ]:
        assert found(api, "interviews", **{name: target.id}) == ["wanted"]
        assert found(api, "interviews", **{name: uuid.uuid4()}) == []


def test_applications_by_reference_and_source(api, account):
    references = {
        "candidate": CandidateFactory(linked_account=account),
        "credited_to": RemoteUserFactory(linked_account=account),
        "current_stage": JobInterviewStageFactory(linked_account=account),
        "job": JobFactory(linked_account=account),
        "reject_reason": RejectReasonFactory(linked_account=account),
    }
    long_source = "campaign " * 400
    ApplicationFactory(linked_account=account, remote_id="other", source="campaign " * 401)
    ApplicationFactory(linked_account=account, remote_id="wanted", source=long_source, **references)

    for name, target in references.items():
        assert found(api, "applications", **{f"{name}_id": target.id}) == ["wanted"]
    assert found(api, "applications", source=long_source) == ["wanted"]
    assert found(api, "applications", source=long_source.upper()) == []


def test_stages_by_job(api, account):
    job = JobFactory(linked_account=account)
    JobInterviewStageFactory(linked_account=account)
    JobInterviewStageFactory(linked_account=account, remote_id="wanted", job=job)

    assert found(api, "job-interview-stages", job_id=job.id) == ["wanted"]


def test_users_by_email_in_any_case(api, account):
    RemoteUserFactory(linked_account=account, remote_id="wanted", email="Ana.Núñez@Example.com")
    RemoteUserFactory(linked_account=account, email="ana@example.com")

    assert found(api, "users", email="ana.núñez@EXAMPLE.COM") == ["wanted"]
    assert found(api, "users", email="ana.n%") == []
