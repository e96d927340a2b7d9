"""`run_async`: what is right is taken at once, and created by a worker."""

import pytest
from django.db import connection

from connectors.errors import RateLimited, UnexpectedAnswer
from interviews.models import AsyncPost, ScheduledInterview
from interviews.services import run
from interviews.signals import async_post_completed
from linked_accounts.scopes import change_scopes
from sync.engine import store_entries
from sync.ingest import Ingest
from tests.interviews.conftest import Platform


@pytest.fixture
def queued(api, model):
    """Return the answer to a request that is to run later."""
    response = api.send("post", "interviews", {"model": {**model, "location": "Room 1"}}, run_async="true")
    assert response.status_code == 201, response.content
    return response.json()


def work() -> None:
    """Do all that is queued, as a worker does."""
    for async_post in AsyncPost.objects.filter(finished_at=None):
        run(async_post)


def test_the_interview_has_its_id_before_it_is_written(api, platform, queued):
    shown = api.get(f"interviews/{queued['model']['id']}").json()

    assert queued["model"]["remote_id"] is None
    assert (shown["remote_id"], shown["location"]) == (None, "Room 1")
    assert api.results("interviews") == []
    assert api.get(f"async-tasks/{queued['task_id']}").json() == {"status": "QUEUED", "result": None}
    assert platform.drafts == []


def test_what_is_hidden_is_hidden_at_once_before_it_is_written_too(api, account, queued):
    path = f"interviews/{queued['model']['id']}"
    assert api.get(path).json()["location"] == "Room 1"

    change_scopes(account, {"ScheduledInterview": {"disabled_fields": ["location"]}})

    assert api.get(path).json()["location"] is None


def test_it_keeps_its_id_once_it_is_written(api, queued):
    work()

    task = api.get(f"async-tasks/{queued['task_id']}").json()
    (listed,) = api.results("interviews")
    assert (listed["id"], listed["remote_id"]) == (queued["model"]["id"], "i1")
    assert (task["status"], task["result"]["status_code"]) == ("COMPLETED", 201)
    assert task["result"]["response"]["model"] == listed
    assert api.get(f"interviews/{listed['id']}").json() == listed


def test_the_next_sync_finds_it_under_its_id(api, platform, queued, account):
    work()

    store_entries(Ingest(account.id), platform.written("i1", platform.drafts[0]).entries)

    assert [one["id"] for one in api.results("interviews")] == [queued["model"]["id"]]


def test_a_sync_that_was_faster_does_not_keep_it_from_its_id(api, platform, queued, account):
    ahead = Platform.written
    platform.answer = lambda draft: store_entries(Ingest(account.id), ahead("i1", draft).entries)

    work()

    (listed,) = api.results("interviews", include_remote_data="true")
    assert listed["id"] == queued["model"]["id"]
    assert listed["remote_data"] == [{"path": "/interviews", "data": {"id": "i1"}}]


def test_a_sync_that_began_before_learns_of_the_id(api, platform, queued, account):
    ingest = Ingest(account.id)
    work()

    store_entries(ingest, platform.written("i1", platform.drafts[0]).entries)

    assert ScheduledInterview.objects.count() == 1


def test_what_fails_leaves_nothing_to_retrieve(api, platform, queued):
    def answer(draft):
        raise UnexpectedAnswer("no")

    platform.answer = answer
    work()

    task = api.get(f"async-tasks/{queued['task_id']}").json()
    assert (task["status"], task["result"]["status_code"]) == ("FAILURE", 400)
    assert task["result"]["response"]["errors"][0]["problem_type"] == "PROVIDER_ERROR"
    assert api.get(f"interviews/{queued['model']['id']}").status_code == 404


def test_what_a_dead_worker_had_begun_is_not_sent_again(api, platform, queued):
    AsyncPost.objects.update(status=AsyncPost.Status.IN_PROGRESS)

    work()

    assert platform.drafts == []
    assert api.get(f"async-tasks/{queued['task_id']}").json()["status"] == "FAILURE"


def test_what_a_dead_worker_had_done_is_told_as_done(api, platform, queued):
    work()
    AsyncPost.objects.update(status=AsyncPost.Status.IN_PROGRESS, finished_at=None, result=None)

    work()

    task = api.get(f"async-tasks/{queued['task_id']}").json()
    assert (task["status"], task["result"]["response"]["model"]["remote_id"]) == ("COMPLETED", "i1")
    assert len(platform.drafts) == 1


def test_a_platform_that_asks_us_to_wait_is_asked_later(platform, queued, api):
    from interviews.jobs import create_interview

    def answer(draft):
        raise RateLimited("slow down", retry_after_seconds=5)

    platform.answer = answer

    create_interview(async_post_id=queued["task_id"])

    assert api.get(f"async-tasks/{queued['task_id']}").json()["status"] == "QUEUED"
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE scheduled_at > now() AND queue_name = 'calls'")
        assert cursor.fetchone() == (1,)


def test_whoever_wants_to_know_is_told(queued):
    told = []

    def listen(async_post, **about):
        told.append(async_post.result["status_code"])

    async_post_completed.connect(listen)
    work()
    async_post_completed.disconnect(listen)

    assert told == [201]


def test_what_is_wrong_is_said_at_once(api, platform):
    response = api.send("post", "interviews", {"model": {}}, run_async="true")

    assert response.status_code == 400
    assert not AsyncPost.objects.exists()


@pytest.mark.parametrize("id", ["nonsense", "b8faf072-98b9-4445-8a9a-6b4950efca19"])
def test_tasks_that_are_not_there(api, id):
    assert api.get(f"async-tasks/{id}").status_code == 404
