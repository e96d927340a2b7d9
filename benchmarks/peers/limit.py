"""The limit: what is left when a request is one prepared statement over printed texts, and nothing else.

No authentication, no validation, no framework, and no client library between libpq and the answer's bytes. The account
is a constant.
"""

import os
import struct
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import cursors
import psycopg
from psycopg import pq

ACCOUNT = os.environ["BENCHMARK_ACCOUNT"]
PREFIX = "/api/ats/v1/interviews"
YEAR_2000 = datetime(2000, 1, 1, tzinfo=UTC)  # what PostgreSQL counts microseconds from
HEADERS = [("Content-Type", "application/json")]
ORDER = "ORDER BY created_at, id"
RELATED = f"SELECT printed, NULL::timestamptz, id{', NULL' * 4} FROM benchmark_printed_related WHERE id IN ("
RELATED += " UNION ".join(f"SELECT {name}_id FROM page" for name in ("application", "job_interview_stage", "organizer"))
RELATED += " UNION SELECT unnest(interviewers) FROM page)"

_local = threading.local()


class _Connection:
    def __init__(self) -> None:
        self.connection = psycopg.connect(autocommit=True)
        self.connection.execute("SET plan_cache_mode = force_generic_plan")
        self.prepared: dict[str, bytes] = {}

    def run(self, sql: str, *values: str) -> Any:
        name = self.prepared.get(sql)
        if name is None:
            name = b"s%d" % len(self.prepared)
            _check(self.connection.pgconn.prepare(name, sql.encode()))
            self.prepared[sql] = name
        result = self.connection.pgconn.exec_prepared(name, [value.encode() for value in values], result_format=1)
        return _check(result)


def _check(result: Any) -> Any:
    if result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
        raise RuntimeError(result.error_message)
    return result


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if not hasattr(_local, "connection"):
        _local.connection = _Connection()
    path = environ["PATH_INFO"]
    query = environ["QUERY_STRING"]
    body = _retrieve(path[len(PREFIX) + 1 :]) if len(path) > len(PREFIX) else _list(query)
    start_response("200 OK", HEADERS)
    return [body]


def _retrieve(id: str) -> bytes:
    sql = "SELECT printed FROM benchmark_printed WHERE linked_account_id = $1 AND id = $2"
    printed: bytes = _local.connection.run(sql, ACCOUNT, id).get_value(0, 0)
    return printed


def _list(query: str) -> bytes:
    given = dict(pair.split("=", 1) for pair in query.split("&") if pair)
    size = int(given.get("page_size", 30))
    conditions, values = ["linked_account_id = $1"], [ACCOUNT]
    if cursor := given.get("cursor"):
        created_at, id = cursors.decode(unquote(cursor))
        values += [created_at.isoformat(), id]
        conditions.append(f"(created_at, id) > (${len(values) - 1}, ${len(values)})")
    if stage := given.get("job_interview_stage_id"):
        values.append(stage)
        conditions.append(f"job_interview_stage_id = ${len(values)}")
    where, limit = " AND ".join(conditions), f"{ORDER} LIMIT {size + 1}"
    if modified_after := given.get("modified_after"):
        values.append(unquote(modified_after))
        rows = _changed(where, f"${len(values)}", limit)
    elif "expand" in given:
        columns = "printed, created_at, id, application_id, job_interview_stage_id, organizer_id, interviewers"
        page = f"SELECT {columns} FROM benchmark_printed WHERE {where} {limit}"
        rows = f"WITH page AS MATERIALIZED ({page}) SELECT * FROM page UNION ALL {RELATED}"
    elif "include_remote_data" in given:
        rows = (
            "SELECT printed, created_at, id, entries::text FROM benchmark_printed "
            f"LEFT JOIN interviews_scheduledinterviewremotedata ON record_id = id WHERE {where} {limit}"
        )
    else:
        rows = f"SELECT printed, created_at, id FROM benchmark_printed WHERE {where} {limit}"
    found = _local.connection.run(rows, *values)
    if "expand" in given:
        count, texts = _expanded(found, size)
    else:
        count = found.ntuples
        numbers = range(min(count, size))
        texts = [found.get_value(number, 0) for number in numbers]
        if "include_remote_data" in given:
            originals = (found.get_value(number, 3) for number in numbers)
            texts = [
                text[: -len(b"null}")] + (entries or b"null") + b"}"
                for text, entries in zip(texts, originals, strict=True)
            ]
    after = b'"%s"' % _cursor(found, size - 1) if count > size else b"null"
    before = b'"%s"' % _cursor(found, 0) if cursor and count else b"null"
    return b'{"next":%s,"previous":%s,"results":[%s]}' % (after, before, b",".join(texts))


def _changed(where: str, since: str, limit: str) -> str:
    """Find the keys of the page in the indexes alone; then read the page's texts."""
    changed = f"created_at < {since} AND modified_at >= {since} AND modified_at > created_at"
    return (
        f"WITH changed AS MATERIALIZED (SELECT created_at, id FROM benchmark_printed WHERE {where} AND {changed}) "
        "SELECT printed, t.created_at, t.id FROM ("
        f"(SELECT created_at, id FROM changed {limit}) UNION ALL "
        f"(SELECT created_at, id FROM benchmark_printed WHERE {where} AND created_at >= {since} {limit}) {limit}"
        f") page JOIN benchmark_printed t ON t.id = page.id ORDER BY t.created_at, t.id"
    )


def _expanded(found: Any, size: int) -> tuple[int, list[bytes]]:
    """Return how many rows were found, and the texts of the page, each with the texts of what it refers to."""
    total = found.ntuples
    count = next((number for number in range(total) if found.get_value(number, 1) is None), total)
    related = {found.get_value(number, 2): found.get_value(number, 0) for number in range(count, total)}
    texts = []
    for number in range(min(count, size)):
        head, _, rest = found.get_value(number, 0).partition(b'"application":')
        tail = rest[rest.index(b',"location":') :]
        panel = found.get_value(number, 6)
        seats = range(24, len(panel), 20)  # a header of 20 bytes, then length and id of each
        texts.append(
            b'%s"application":%s,"job_interview_stage":%s,"organizer":%s,"interviewers":[%s]%s'
            % (
                head,
                related[found.get_value(number, 3)],
                related[found.get_value(number, 4)],
                related[found.get_value(number, 5)],
                b",".join([related[panel[seat : seat + 16]] for seat in seats]),
                tail,
            )
        )
    return count, texts


def _cursor(found: Any, number: int) -> bytes:
    (microseconds,) = struct.unpack("!q", found.get_value(number, 1))
    created_at = YEAR_2000 + timedelta(microseconds=microseconds)
    return cursors.encode(created_at, UUID(bytes=found.get_value(number, 2))).encode()
