from datetime import UTC, datetime, timedelta

import pytest

from sandbox.company import InterviewState, build_company

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture
def company():
    return build_company(interviews=300, now=NOW)


@pytest.fixture
def interview(company):
    return next(one for one in company.interviews.values() if one.state is InterviewState.SCHEDULED and one.starts_at)


def test_same_seed_and_time_give_the_same_company(company):
    again, other = build_company(interviews=300, now=NOW), build_company(interviews=300, now=NOW, seed=2)

    assert (again.users, again.applications, again.interviews) == (
        company.users,
        company.applications,
        company.interviews,
    )
    assert other.interviews != company.interviews


@pytest.mark.parametrize("number", [0, 1, 7, 1000])
def test_there_are_as_many_interviews_as_asked_for(number):
    assert len(build_company(interviews=number, now=NOW).interviews) == number


def test_references_lead_somewhere(company):
    for interview in company.interviews.values():
        application, slot = company.applications[interview.application_id], company.slots[interview.slot_id]
        assert interview.job_id == application.job_id == slot.job_id
        assert interview.organizer_id is None or interview.organizer_id in company.users
        assert all(company.seats[seat.id] is seat for seat in interview.seats)


def test_states_agree_with_the_time(company):
    for interview in company.interviews.values():
        assert interview.created_at <= interview.updated_at <= NOW
        if interview.starts_at is not None:
            assert (interview.state is InterviewState.SCHEDULED) == (interview.ends_at >= NOW)
            assert interview.starts_at < interview.ends_at < NOW + timedelta(days=30)


def test_changes_are_stamped_with_the_clock(company, interview):
    before, earlier = interview.updated_at, company.version

    company.reschedule(interview.id, NOW + timedelta(days=9))

    assert interview.starts_at == NOW + timedelta(days=9)
    assert before < interview.updated_at <= datetime.now(UTC)
    assert company.version > earlier


def test_each_change_is_later_than_the_one_before(company, interview):
    company.clock = lambda: NOW

    stamps = [company.reassign(interview.id, [4001 + number]).updated_at for number in range(3)]

    assert stamps == sorted(set(stamps))


def test_reassigned_panel_keeps_the_seats_of_those_who_stay(company, interview):
    company.reassign(interview.id, [4001, 4002])
    kept = interview.seats[1]

    company.reassign(interview.id, [4002, 4003])

    assert [seat.user_id for seat in interview.seats] == [4002, 4003]
    assert interview.seats[0] is kept
    assert {seat.id for seat in company.seats.values() if seat.interview_id == interview.id} == {
        seat.id for seat in interview.seats
    }


def test_deleted_interview_takes_its_seats_along(company, interview):
    seats = list(interview.seats)

    company.delete(interview.id)

    assert interview.id not in company.interviews
    assert not {seat.id for seat in seats} & company.seats.keys()
