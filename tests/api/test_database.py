"""When the database goes away."""

from django.db import OperationalError, connection
from django.test import Client

from tests.factories import RemoteUserFactory


def drop_connection():
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    except OperationalError:
        pass


def test_a_list_survives_a_connection_that_died_unnoticed(transactional_db, api, account):
    user = RemoteUserFactory(linked_account=account)
    api.get("users")  # who calls is remembered from here on
    drop_connection()

    assert [record["id"] for record in api.results("users")] == [str(user.id)]


def test_without_a_database_callers_are_told_to_come_back(transactional_db, api, monkeypatch):
    def refuse():
        raise OperationalError("no route to the database at db.internal")

    api.get("users")
    connection.close()
    with monkeypatch.context() as patched:
        patched.setattr(connection, "ensure_connection", refuse)
        response = api.get("users")

    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert response.json() == {"detail": "The database is not available at the moment."}
    assert api.get("users").status_code == 200


def test_a_list_survives_a_restart_of_the_server(transactional_db, api, account):
    RemoteUserFactory(linked_account=account)
    known = {**api.headers, "If-None-Match": '"other"'}
    assert Client(headers=known).get("/api/ats/v1/users").status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [backend])  # milliseconds to wait until it is gone
        assert cursor.fetchone()[0]
    other.close()

    assert Client(headers=known).get("/api/ats/v1/users").status_code == 200


def test_a_connection_keeps_a_limited_number_of_statements(transactional_db, api, account, monkeypatch):
    monkeypatch.setattr("api.prepared.MAX_PREPARED", 5)
    for _ in range(2):
        for size in range(1, 12):
            assert api.get("users", page_size=size).status_code == 200

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'page\\_%%'")
        assert cursor.fetchone()[0] == 5


def test_without_a_database_a_request_with_an_idempotency_key_may_come_again(transactional_db, api, monkeypatch):
    def refuse():
        raise OperationalError("no route to the database at db.internal")

    connection.close()
    with monkeypatch.context() as patched:
        patched.setattr(connection, "ensure_connection", refuse)
        response = api.client.post("/api/ats/v1/sync-status/resync", headers={"Idempotency-Key": "1"})

    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert response.json() == {"detail": "The database is not available at the moment."}
