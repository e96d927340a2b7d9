import base64
from datetime import UTC, datetime, timedelta

import pytest

from tests.factories import RemoteUserFactory, ScheduledInterviewFactory

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def users(account):
    """Seven users in list order: two stored together, then three, then two."""
    created = [START + timedelta(minutes=minute) for minute in (0, 0, 1, 1, 1, 2, 2)]
    users = [RemoteUserFactory(linked_account=account, created_at=at) for at in created]
    return sorted(users, key=lambda user: (user.created_at, user.id))


def ids(pages):
    return [[record["id"] for record in page] for page in pages]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_cursors_visit_each_record_once_in_both_directions(api, users, size):
    expected = [str(user.id) for user in users]

    forwards = api.walk("users", page_size=size)
    last = api.get("users", page_size=size)
    while last.json()["next"]:
        last = api.get("users", page_size=size, cursor=last.json()["next"])
    backwards = api.walk("users", "previous", page_size=size, cursor=last.wsgi_request.GET.get("cursor", ""))

    assert [id for page in ids(forwards) for id in page] == expected
    assert ids(backwards)[::-1] == ids(forwards)


def test_only_the_first_page_has_no_previous_and_only_the_last_no_next(api, users):
    first = api.get("users", page_size=3).json()
    second = api.get("users", page_size=3, cursor=first["next"]).json()
    third = api.get("users", page_size=3, cursor=second["next"]).json()

    assert first["previous"] is None
    assert second["previous"]
    assert second["next"]
    assert len(third["results"]) == 1
    assert third["next"] is None


def test_a_full_last_page_has_no_next(api, users):
    assert api.get("users", page_size=7).json()["next"] is None


def test_records_added_during_a_walk_come_at_its_end(api, account, users):
    first = api.get("users", page_size=4).json()
    late = RemoteUserFactory(linked_account=account, created_at=START + timedelta(days=1))

    rest = api.walk("users", page_size=4, cursor=first["next"])

    assert ids(rest)[-1][-1] == str(late.id)


def test_a_cursor_stays_valid_when_its_record_is_hidden(api, users):
    first = api.get("users", page_size=2).json()
    users[1].remote_was_deleted = True
    users[1].save()

    second = api.get("users", page_size=2, cursor=first["next"]).json()

    assert ids([second["results"]]) == [[str(users[2].id), str(users[3].id)]]


def test_previous_is_null_when_all_records_before_the_cursor_are_hidden(api, users):
    first = api.get("users", page_size=2).json()
    for user in users[:2]:
        user.remote_was_deleted = True
        user.save()

    assert api.get("users", page_size=2, cursor=first["next"]).json()["previous"] is None


@pytest.mark.parametrize("offset", ["+23:00", "-15:59"])
def test_a_cursor_may_have_any_offset(api, users, offset):
    place = f"p=2024-01-01T00:00:00{offset}&i={users[0].id}".replace("+", "%2B")
    cursor = base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")

    assert len(api.results("users", cursor=cursor)) == len(users)


@pytest.mark.parametrize("cursor", ["x", "!!!", "cD1ub3c", "aT0x", "Y29uZmlkZW50aWFs", "cD0yMDI2LTAxLTAxJmk9MQ", "é"])
def test_an_unreadable_cursor_is_not_found(api, cursor):
    response = api.get("users", cursor=cursor)

    assert (response.status_code, response.json()) == (404, {"detail": "Invalid cursor"})


@pytest.mark.parametrize(("given", "used"), [("", 30), ("5", 5), ("100", 100), ("101", 100), ("99999999999", 100)])
def test_page_size(api, account, given, used):
    for _ in range(101):
        RemoteUserFactory(linked_account=account)

    assert len(api.results("users", page_size=given)) == used


@pytest.mark.parametrize("size", ["0", "-1", "x", "1.5", "٣x"])
def test_a_page_size_that_makes_no_sense_is_refused(api, size):
    response = api.get("users", page_size=size)

    assert response.status_code == 400
    assert list(response.json()) == ["page_size"]


def test_a_cursor_goes_with_another_page_size_and_any_filter(api, account, users):
    interviews = [
        ScheduledInterviewFactory(
            linked_account=account,
            organizer=users[n % 2],
            created_at=START + timedelta(minutes=n),
            modified_at=START + timedelta(hours=1),
        )
        for n in range(10)
    ]
    first = api.get("interviews", page_size=2).json()

    found = api.results(
        "interviews",
        cursor=first["next"],
        page_size=3,
        organizer_id=users[1].id,
        created_after=START.isoformat(),
        modified_after=START + timedelta(minutes=30),
        created_before=START + timedelta(minutes=6),
    )

    assert [record["id"] for record in found] == [str(interviews[n].id) for n in (3, 5)]


@pytest.mark.parametrize("size", ["1_0", "\N{ARABIC-INDIC DIGIT THREE}", "1.0", "x"])
def test_a_page_size_that_is_no_integer_is_refused(api, size):
    response = api.get("users", page_size=size)

    assert (response.status_code, response.json()) == (400, {"page_size": ["A valid integer is required."]})


@pytest.mark.parametrize("length", [10, 3000])
def test_a_long_query_is_read_like_a_short_one(api, users, length):
    assert len(api.results("users", page_size=2, nonsense="x" * length)) == 2


def test_a_flag_of_a_single_record_has_to_be_one(api, users):
    response = api.get(f"users/{users[0].id}", include_shell_data="banana")

    assert response.status_code == 400
    assert "include_shell_data" in response.json()
