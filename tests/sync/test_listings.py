"""What connectors say beside records, and what they declare about their listings."""

from datetime import UTC, datetime, timedelta

import pytest

from applications.models import Application
from connectors.base import Deletions, ModelSupport
from connectors.errors import ChangesUnknown, PlatformUnavailable
from connectors.records import (
    ApplicationRecord,
    Checkpoint,
    Gap,
    Gone,
    Kept,
    RemoteUserRecord,
    Resumed,
    ScheduledInterviewRecord,
    Unreadable,
    Whole,
)
from interviews.models import ScheduledInterview
from remote_users.models import RemoteUser
from sync.engine import synchronise
from sync.models import ModelSync, Schedule
from sync.stamps import database_now
from tests.factories import LinkedAccountFactory

USERS = [RemoteUserRecord(remote_id=str(number)) for number in range(3)]


def interviews(group, *remote_ids):
    records = [ScheduledInterviewRecord(remote_id=remote_id, remote_group=group) for remote_id in remote_ids]
    return [*records, Whole(group=group, remote_ids=frozenset(remote_ids))]


def present(model=ScheduledInterview):
    return set(model.objects.filter(remote_was_deleted=False, is_shell=False).values_list("remote_id", flat=True))


def declare(platform, model_name, **support):
    platform.connector.models = {
        **platform.connector.models,
        model_name: ModelSupport(fields=frozenset(), **support),
    }


def model_sync(model_name="RemoteUser"):
    return ModelSync.objects.get(model_name=model_name)


def test_what_a_group_no_longer_holds_was_deleted(account, platform):
    platform.interviews = [*interviews("a", "1", "2"), *interviews("b", "3")]
    synchronise(account)
    platform.interviews = interviews("a", "2")

    run = synchronise(account)

    assert present() == {"2", "3"}
    assert run.counts["ScheduledInterview"]["deleted"] == 1


def test_an_empty_group_deletes_all_of_it(account, platform):
    platform.interviews = [*interviews("a", "1", "2"), *interviews("b", "3")]
    synchronise(account)
    platform.interviews = interviews("a")

    synchronise(account)

    assert present() == {"3"}


def test_an_unreadable_interview_of_a_group_is_there_all_the_same(account, platform):
    platform.interviews = interviews("a", "1", "2")
    synchronise(account)
    platform.interviews = [
        Unreadable(model_name="ScheduledInterview", remote_id="1", reason="no time"),
        *interviews("a", "1", "2")[1:],
    ]

    synchronise(account)

    assert present() == {"1", "2"}


def test_a_group_that_could_not_be_read_is_there_all_the_same(account, platform):
    platform.interviews = [*interviews("a", "1", "2"), *interviews("b", "3")]
    synchronise(account)
    platform.interviews = [Kept(group="a")]

    synchronise(account, full=True)

    assert present() == {"1", "2"}


def test_groups_of_other_accounts_are_left_alone(account, platform):
    other = LinkedAccountFactory(platform="fake", credentials={"api_key": "secret"})
    platform.interviews = interviews("a", "1")
    synchronise(other)
    platform.interviews = interviews("a")

    synchronise(account)

    assert present() == {"1"}


def test_what_the_platform_says_it_deleted_is_deleted_and_otherwise_as_it_was(account, platform):
    platform.users = [RemoteUserRecord(remote_id="1", first_name="Ada"), *USERS]
    synchronise(account)
    platform.users = [Gone(model_name="RemoteUser", remote_id="0"), Gone(model_name="RemoteUser", remote_id="unknown")]

    synchronise(account)

    assert present(RemoteUser) == {"1", "2"}
    assert RemoteUser.objects.count() == 3


def test_shells_are_not_gone(account, platform):
    platform.interviews = [ScheduledInterviewRecord(remote_id="1", organizer="7")]
    platform.users = [Gone(model_name="RemoteUser", remote_id="7")]
    synchronise(account)

    synchronise(account)

    assert not RemoteUser.objects.get(remote_id="7").remote_was_deleted


def test_what_every_sync_lists_in_full_is_found_missing_by_an_incremental_one(account, platform):
    declare(platform, "RemoteUser", deletions=Deletions.EVERY_SYNC)
    platform.users = USERS
    synchronise(account)
    platform.users = USERS[1:]

    synchronise(account)

    assert present(RemoteUser) == {"1", "2"}


def test_what_other_listings_tell_of_is_not_missing_before_they_are_read(account, platform):
    declare(platform, "RemoteUser", deletions=Deletions.EVERY_SYNC, told_by=frozenset({"ScheduledInterview"}))
    platform.users = USERS
    synchronise(account)
    platform.users = USERS[1:]
    platform.interviews = [PlatformUnavailable("down")]

    synchronise(account)

    assert present(RemoteUser) == {"0", "1", "2"}


def test_a_first_sync_has_listed_everything_once_all_that_tell_of_it_are_read(account, platform):
    declare(platform, "RemoteUser", told_by=frozenset({"ScheduledInterview"}))

    run = synchronise(account)

    assert model_sync().listed_everything_at == run.started_at


def test_a_listing_that_others_need_in_full_is_asked_for_in_full(account, platform):
    declare(platform, "ScheduledInterview", told_by=frozenset({"Application"}))
    platform.interviews = [PlatformUnavailable("down")]
    synchronise(account)
    platform.interviews = []

    synchronise(account)

    assert platform.windows["applications"].since is None
    assert platform.windows["users"].since is not None


def test_a_checkpoint_comes_back_with_the_next_window(account, platform):
    platform.users = [*USERS, Checkpoint(state={"token": "t1"})]
    synchronise(account)

    synchronise(account)

    assert platform.windows["users"].state == {"token": "t1"}
    assert platform.windows["stages"].state == {}


def test_a_checkpoint_is_kept_although_the_listing_breaks_off_later(account, platform):
    platform.users = [USERS[0], Checkpoint(state={"offset": "5"}), PlatformUnavailable("down")]
    synchronise(account)

    assert model_sync().state == {"offset": "5"}
    assert present(RemoteUser) == {"0"}


def test_what_cannot_be_stored_keeps_the_checkpoint_back(account, platform, monkeypatch):
    platform.users = [*USERS, Checkpoint(state={"token": "t1"})]
    monkeypatch.setattr("sync.ingest.Ingest.store", lambda self, records: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        synchronise(account)

    assert model_sync().state == {}


def test_a_resumed_listing_deletes_nothing_and_is_as_fresh_as_its_beginning(account, platform):
    platform.users = USERS
    synchronise(account)
    began = datetime(2026, 5, 1, tzinfo=UTC)
    platform.users = [Resumed(started_at=began), USERS[1]]

    synchronise(account, full=True)

    assert present(RemoteUser) == {"0", "1", "2"}
    assert model_sync().data_fresh_as_of == began
    assert model_sync().listed_everything_at < model_sync().last_sync_start


def test_a_resumed_listing_is_not_the_full_one_that_is_wanted(account, platform):
    Schedule.objects.create(linked_account=account, full_wanted_at=database_now())
    platform.users = [Resumed(started_at=datetime(2026, 5, 1, tzinfo=UTC)), USERS[1]]
    synchronise(account, full=True)
    assert Schedule.objects.get().full_wanted_at
    platform.users = USERS

    synchronise(account, full=True)

    assert not Schedule.objects.get().full_wanted_at


def test_where_changes_are_unknown_everything_is_listed(account, platform):
    platform.users = [*USERS, Checkpoint(state={"token": "t1"})]
    synchronise(account)

    def expired(window):
        if window.state:
            raise ChangesUnknown("token expired")
        return USERS[1:]

    platform.users = expired
    run = synchronise(account)

    assert run.result == "DONE"
    assert platform.windows["users"].since is None
    assert present(RemoteUser) == {"1", "2"}


def test_a_sync_without_an_extra_that_lacked_before_asks_for_a_full_one(account, platform):
    platform.users = [*USERS, Gap(reason="no dictionary")]
    synchronise(account)
    assert model_sync().listed_everything_at is not None
    platform.users = USERS

    synchronise(account)

    assert model_sync().listed_everything_at is None


# References to what never arrived


@pytest.fixture
def strict(platform):
    platform.connector.keeps_unknown_references = False


@pytest.fixture
def interview(account, platform, strict):
    """An interview whose application and second interviewer are unknown, synchronised."""
    platform.users = [USERS[0]]
    platform.interviews = [
        ScheduledInterviewRecord(
            remote_id="i", application="a", interviewers=("1", "0"), start_at=datetime(2026, 5, 1, tzinfo=UTC)
        )
    ]
    synchronise(account)
    platform.interviews = platform.users = []
    return ScheduledInterview.objects.get()


def interviewers(interview):
    ids = ScheduledInterview.objects.get(id=interview.id).interviewers
    return [RemoteUser.objects.get(id=id).remote_id for id in ids]


def test_what_arrived_in_a_sync_that_broke_off_is_not_forgotten(account, platform, interview):
    platform.users = [RemoteUserRecord(remote_id="1")]
    platform.interviews = [ZeroDivisionError("a bug")]
    with pytest.raises(ZeroDivisionError):
        synchronise(account)
    platform.users = platform.interviews = []

    synchronise(account)

    assert interviewers(interview) == ["1", "0"]


def test_unknown_references_are_dropped_and_leave_no_shell(interview):
    assert interview.application_id is None
    assert interviewers(interview) == ["0"]
    assert not Application.objects.exists()
    assert RemoteUser.objects.count() == 1


def test_they_are_set_when_the_record_arrives(account, platform, interview):
    platform.applications = [ApplicationRecord(remote_id="a")]
    synchronise(account)
    platform.users = [USERS[1]]
    synchronise(account)

    after = ScheduledInterview.objects.get()
    assert after.application.remote_id == "a"
    assert interviewers(after) == ["1", "0"]
    assert after.start_at == interview.start_at
    assert after.modified_at > interview.modified_at


def test_the_same_again_is_no_change(account, platform, interview):
    platform.interviews = [
        ScheduledInterviewRecord(
            remote_id="i", application="a", interviewers=("1", "0"), start_at=datetime(2026, 5, 1, tzinfo=UTC)
        )
    ]
    synchronise(account)

    assert ScheduledInterview.objects.get().modified_at == interview.modified_at


def test_what_arrives_for_a_deleted_record_does_not_bring_it_back(account, platform, interview):
    platform.interviews = [Gone(model_name="ScheduledInterview", remote_id="i")]
    synchronise(account)
    platform.interviews = []
    platform.applications = [ApplicationRecord(remote_id="a")]

    synchronise(account)

    assert present() == set()


def test_deleted_records_are_unknown(account, platform, strict):
    platform.users = USERS
    synchronise(account)
    platform.users = USERS[1:]
    platform.interviews = [ScheduledInterviewRecord(remote_id="i", organizer="0", interviewers=("0", "1"))]

    synchronise(account, full=True)

    found = ScheduledInterview.objects.get()
    assert found.organizer_id is None
    assert interviewers(found) == ["1"]


def test_what_returns_with_a_later_listing_is_known_at_once(account, platform, strict):
    declare(platform, "RemoteUser", deletions=Deletions.EVERY_SYNC, told_by=frozenset({"ScheduledInterview"}))
    platform.users = [USERS[0]]
    synchronise(account)
    platform.users = []
    synchronise(account)
    platform.applications = [ApplicationRecord(remote_id="a", credited_to="0")]
    synchronise(account)
    assert Application.objects.get().credited_to_id is None
    platform.interviews = [USERS[0]]

    synchronise(account)

    assert Application.objects.get().credited_to.remote_id == "0"


def test_records_of_the_same_batch_are_known(account, platform, strict):
    platform.interviews = [ScheduledInterviewRecord(remote_id="i", organizer="0"), USERS[0]]

    synchronise(account)

    assert ScheduledInterview.objects.get().organizer.remote_id == "0"


# What connectors can ask for


@pytest.fixture
def ask(account, platform):
    """Return what has a listing of interviews ask something, with two applications and their interviews stored."""
    day = datetime(2026, 5, 1, tzinfo=UTC)
    platform.users = USERS
    platform.applications = [
        ApplicationRecord(remote_id="a", candidate="c", job="j", current_stage="s"),
        ApplicationRecord(remote_id="b", candidate="c", job="j"),
        ApplicationRecord(remote_id="d", candidate="c", job="k"),
    ]
    platform.interviews = [
        ScheduledInterviewRecord(remote_id="1", application="a", start_at=day + timedelta(days=2)),
        ScheduledInterviewRecord(remote_id="2", application="b", start_at=day + timedelta(days=1)),
        ScheduledInterviewRecord(remote_id="3", application="d", start_at=day - timedelta(days=1)),
    ]
    synchronise(account)

    def ask(question):
        answers = []

        def interviews(window):
            answers.append(question(window.stored))
            return ()

        platform.interviews = interviews
        synchronise(account)
        return answers[0]

    return ask


def test_stored_records_are_known(ask):
    assert ask(lambda stored: stored.known("RemoteUser", ["0", "7"])) == {"0"}


def test_stored_applications_are_found_by_id(ask):
    found = ask(lambda stored: stored.applications(["a", "x"]))

    assert found.keys() == {"a"}
    assert (found["a"].candidate, found["a"].job) == ("c", "j")


def test_stored_applications_are_found_by_candidate_and_job(ask):
    found = ask(lambda stored: stored.applications_of([("c", "j"), ("c", "x")]))

    assert {pair: {one.remote_id for one in several} for pair, several in found.items()} == {("c", "j"): {"a", "b"}}


def test_all_stored_applications_are_walked_through(ask, monkeypatch):
    monkeypatch.setattr("sync.stored.CHUNK", 2)

    assert sorted(one.remote_id for one in ask(lambda stored: list(stored.all_applications()))) == ["a", "b", "d"]


def test_applications_to_interview_come_soonest_first(ask):
    after = datetime(2026, 5, 1, tzinfo=UTC)

    assert ask(lambda stored: stored.applications_to_interview(after=after, limit=10)) == ("b", "a")
    assert ask(lambda stored: stored.applications_to_interview(after=after, limit=1)) == ("b",)


def test_what_a_full_listing_no_longer_held_is_not_told(account, platform):
    platform.applications = [
        ApplicationRecord(remote_id="a", candidate="c", job="j"),
        ApplicationRecord(remote_id="b", candidate="c", job="j"),
    ]
    synchronise(account)
    platform.applications = platform.applications[1:]
    told = []

    def ask(window):
        told.extend(one.remote_id for one in window.stored.all_applications())
        return ()

    platform.interviews = ask
    synchronise(account, full=True)

    assert told == ["b"]
