"""Rows that were copied into a table are read back as they were."""

import random
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import DataError, connection
from django.db.models import TextChoices

from sync.copying import ROWS_A_WRITE, copy_rows

pytestmark = pytest.mark.django_db

ALPHABET = ["a", "b", "n", "r", "t", "f", "u", "x", "0", "\\", '"', "'", ",", "\t", "\n", "\r", "\b", "\f", "\v"]
ALPHABET += ["\x01", "\x1f", "\x7f", "\xff", " ", "{", "}", "é", "日", "😀", "\u2028", "."]
WHOLE_TEXTS = [
    "",
    "null",
    "NULL",
    r"\N",
    r"\.",
    "a\n\\.\nb",
    r"C:\new\table",
    r"\\n",
    '\\"',
    "\\\\\n",
    r"\u0041",
    '","',
]
COLUMNS = ["id", "name", "size", "is_open", "digest", "at"]


class Kind(TextChoices):
    ROUND = "ROUND"


@pytest.fixture
def cursor():
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE copied"
            " (id uuid, name text, size bigint, is_open boolean, digest bytea, at timestamptz) ON COMMIT DROP"
        )
        yield cursor


def copied(cursor, rows):
    cursor.execute("TRUNCATE copied")
    copy_rows(cursor, "copied", COLUMNS, rows)
    cursor.execute(f"SELECT {', '.join(COLUMNS)} FROM copied")
    return [tuple(bytes(value) if isinstance(value, memoryview) else value for value in row) for row in cursor]


def test_values_of_all_kinds(cursor):
    at = datetime(2026, 5, 1, 9, 30, 0, 500, tzinfo=timezone(timedelta(hours=9)))
    rows = [(uuid.uuid4(), "Ana", 2**62, True, b'\x00\xff\\x"', at), (None,) * 6, (uuid.uuid4(), "", 0, False, b"", at)]
    assert copied(cursor, rows) == rows
    assert copied(cursor, [(rows[0][0].hex, Kind.ROUND, -1, None, None, at.astimezone(UTC))]) == [
        (rows[0][0], "ROUND", -1, None, None, at)
    ]


def test_any_text(cursor):
    chance = random.Random(4)
    texts = WHOLE_TEXTS + ["".join(chance.choices(ALPHABET, k=chance.randrange(12))) for _ in range(3000)]
    rows = [(uuid.uuid4(), text, number, None, None, None) for number, text in enumerate(texts)]
    assert copied(cursor, rows) == rows


@pytest.mark.parametrize("count", [0, 1, ROWS_A_WRITE, ROWS_A_WRITE + 1])
def test_any_number_of_rows(cursor, count):
    assert len(copied(cursor, ((uuid.uuid4(), "x", 1, True, b"", None) for _ in range(count)))) == count


def test_half_a_character_becomes_a_question_mark(cursor):
    assert copied(cursor, [(None, "a\ud83d\n", 1, None, None, None)]) == [(None, "a?\n", 1, None, None, None)]


def test_postgresql_refuses_null_characters(cursor):
    with pytest.raises(DataError), connection.wrap_database_errors:
        copied(cursor, [(None, "a\0b", 1, None, None, None)])
