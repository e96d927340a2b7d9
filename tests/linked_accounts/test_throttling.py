import pytest
import time_machine

from linked_accounts import throttling
from tests.conftest import Api
from tests.factories import ApiKeyFactory, LinkedAccountFactory

MINUTE = 1_800_000_000  # a whole minute of Unix time


@pytest.fixture(autouse=True)
def _limit(settings):
    settings.API_RATE_LIMIT = 5
    throttling._shares.clear()


@time_machine.travel(MINUTE + 18, tick=False)
def test_requests_over_the_limit_are_told_how_long_to_wait(api):
    remaining = [api.get("users")["X-RateLimit-Remaining"] for _ in range(5)]
    response = api.get("users")

    assert remaining == ["4", "3", "2", "1", "0"]
    assert response.status_code == 429
    assert response.json() == {"detail": "Request was throttled. Expected available in 42 seconds."}
    assert response["Retry-After"] == "42"
    assert response["X-RateLimit-Limit"] == "5"
    assert response["X-RateLimit-Remaining"] == "0"
    assert response["X-RateLimit-Reset"] == str(MINUTE + 60)


def test_the_next_minute_starts_anew(api):
    with time_machine.travel(MINUTE + 59, tick=False):
        for _ in range(6):
            last = api.get("users")
    assert last.status_code == 429
    assert last["Retry-After"] == "1"

    with time_machine.travel(MINUTE + 60, tick=False):
        assert api.get("users")["X-RateLimit-Remaining"] == "4"


@time_machine.travel(MINUTE, tick=False)
def test_all_processes_and_keys_count_together(api, account):
    other = Api(account)
    for _ in range(3):
        assert api.get("users").status_code == 200
        throttling._shares.clear()  # what another process knows: nothing
        assert other.get("users").status_code in (200, 429)
        throttling._shares.clear()

    assert api.get("users").status_code == 429


@time_machine.travel(MINUTE, tick=False)
def test_one_account_does_not_use_up_anothers_limit(api, account):
    for _ in range(6):
        api.get("users")
    neighbour = LinkedAccountFactory(organization=account.organization)

    assert Api(neighbour).get("users").status_code == 200


@time_machine.travel(MINUTE, tick=False)
@pytest.mark.parametrize("limit", [1, 63, 64, 65, 200, 600])
def test_the_limit_is_exact_for_any_limit(api, settings, limit):
    settings.API_RATE_LIMIT = limit

    statuses = [api.get("account-details").status_code for _ in range(limit + 1)]

    assert statuses == [200] * limit + [429]


def test_zero_means_no_limit(api, settings):
    settings.API_RATE_LIMIT = 0

    response = api.get("users")

    assert response.status_code == 200
    assert "X-RateLimit-Limit" not in response


def test_a_refused_caller_costs_the_account_nothing(api, account):
    key = ApiKeyFactory()
    for _ in range(10):
        api.client.get("/api/ats/v1/users", headers={"Authorization": f"Bearer {key.secret}"})

    assert api.get("users")["X-RateLimit-Remaining"] == "4"
