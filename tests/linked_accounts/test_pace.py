"""One account's requests keep to one pace, whichever processes make them."""

from threading import Thread

import pytest

from connectors.pace import Pace
from linked_accounts.models import RequestPace
from linked_accounts.pace import DatabaseLimiter
from tests.factories import LinkedAccountFactory

PACE = Pace(requests=1, seconds=100, burst=3)


@pytest.fixture
def limit(transactional_db):
    limiters = []

    def limit(account):
        limiters.append(DatabaseLimiter(account.id, PACE))
        return limiters[-1]

    yield limit
    for limiter in limiters:
        limiter.close()


def test_a_burst_is_free_and_then_each_request_waits_longer(limit):
    limiter = limit(LinkedAccountFactory())

    waits = [limiter.reserve() for _ in range(5)]

    assert waits[:3] == [0, 0, 0]
    assert waits[3:] == [pytest.approx(100, abs=2), pytest.approx(200, abs=2)]


def test_limiters_of_one_account_share_its_pace(limit):
    account = LinkedAccountFactory()
    one, other = limit(account), limit(account)

    waits = [limiter.reserve() for limiter in (one, other, one, other)]

    assert waits[3] == pytest.approx(100, abs=2)


def test_accounts_do_not_share_a_pace(limit):
    one, other = limit(LinkedAccountFactory()), limit(LinkedAccountFactory())
    for _ in range(3):
        one.reserve()

    assert other.reserve() == 0


def test_any_thread_may_ask(limit):
    account = LinkedAccountFactory()
    limiter, waits = limit(account), []
    threads = [Thread(target=lambda: waits.append(limiter.reserve())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(waits)[2:] == [0, pytest.approx(100, abs=2), pytest.approx(200, abs=2), pytest.approx(300, abs=2)]


def test_the_pace_is_kept_at_the_platform_itself_only(transactional_db):
    with LinkedAccountFactory(platform="lever", credentials={"api_key": "k"}, base_url=None).connect() as there:
        assert there.session.limiter is not None
    away = LinkedAccountFactory(platform="lever", credentials={"api_key": "k"}, base_url="http://127.0.0.1:1/v1")
    with away.connect() as elsewhere:
        assert elsewhere.session.limiter is None
    assert not RequestPace.objects.exists()
