from datetime import UTC, datetime

import pytest

from connectors.records import Choice
from connectors.values import (
    flag,
    integer,
    known_or_same,
    optional_remote_id,
    remote_id,
    text,
    utc_midnight,
    utc_time,
)


@pytest.mark.parametrize(("value", "expected"), [(12, "12"), (" 7f-a ", "7f-a"), ("a\0b", "ab"), (0, "0")])
def test_remote_ids_are_text(value, expected):
    assert remote_id(value) == expected


@pytest.mark.parametrize("value", [None, "", "  ", "\0", True, 1.5, {}, []])
def test_remote_id_refuses_what_identifies_nothing(value):
    with pytest.raises((TypeError, ValueError)):
        remote_id(value)


@pytest.mark.parametrize(("value", "expected"), [(None, None), ("", None), (5, "5")])
def test_optional_remote_id_takes_nothing_for_an_answer(value, expected):
    assert optional_remote_id(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(None, None), ("", ""), ("a\0b", "ab"), (5, "5"), (["ü"], '["ü"]'), (False, "false")]
)
def test_text_loses_nothing_but_nul(value, expected):
    assert text(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "2026-12-03T08:30:00Z",
        "2026-12-03T09:30:00.000+01:00",
        "2026-12-03T04:00:00-0430",
        # No offset: UTC.
        "2026-12-03 08:30:00",
        1_796_286_600_000,
    ],
)
def test_times_are_read_as_utc(value):
    found = utc_time(value)

    assert found == datetime(2026, 12, 3, 8, 30, tzinfo=UTC)
    assert found.tzinfo is UTC


@pytest.mark.parametrize("value", ["", "soon", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+05:00", 10**18, True, 1.5])
def test_time_that_is_none_is_refused(value):
    with pytest.raises(ValueError, match="no time"):
        utc_time(value)


def test_dates_begin_at_midnight_utc():
    assert utc_midnight("2026-08-10") == datetime(2026, 8, 10, tzinfo=UTC)
    assert utc_midnight(None) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("open", Choice("OPEN", "open")),
        ("half open", Choice("half open", "half open")),
        (True, Choice("YES", "true")),
        ({"id": 1}, Choice('{"id":1}', '{"id":1}')),
        (None, None),
        ("", None),
    ],
)
def test_known_values_are_translated_and_others_pass(value, expected):
    assert known_or_same(value, {"open": "OPEN", "true": "YES"}) == expected


@pytest.mark.parametrize(("value", "expected"), [(3, 3), ("3", 3), (None, None)])
def test_integers_are_read(value, expected):
    assert integer(value) == expected


@pytest.mark.parametrize("value", [True, 1.5, "x", 2**31])
def test_integer_that_is_none_is_refused(value):
    with pytest.raises((TypeError, ValueError)):
        integer(value)


def test_flags_are_true_false_or_nothing():
    assert [flag(True), flag(False), flag(None)] == [True, False, None]
    with pytest.raises(TypeError):
        flag("yes")


def test_half_a_character_is_no_part_of_an_id_and_a_question_mark_in_text():
    with pytest.raises(ValueError, match="surrogates"):
        remote_id("\ud800")
    assert text("Ana \ud83d") == "Ana ?"


def test_numbers_beyond_64_bits_are_text_as_well():
    assert text(123456789012345678901234567890) == "123456789012345678901234567890"
