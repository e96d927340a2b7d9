"""When the database goes away."""

from django.db import OperationalError, connection

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
