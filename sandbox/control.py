"""Control of a simulated platform over HTTP, under CONTROL_PATH of its own address.

GET    /_sandbox              what there is, what was asked for lately, and what can be changed
GET    /_sandbox/credentials  what clients have to come with
POST   /_sandbox/changes      {"action": "reschedule"}: have something happen at the company
GET    /_sandbox/faults       what is going to go wrong
POST   /_sandbox/faults       {"status": 429, "times": 5}: have something go wrong
DELETE /_sandbox/faults       have nothing go wrong any more
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

import orjson

from sandbox.arguments import Arguments, NonsenseError
from sandbox.changes import (
    ACTIONS,
    application_row,
    change,
    interview_row,
    interviews_to_come,
    open_applications,
    people,
    user_row,
)
from sandbox.company import Company
from sandbox.server import (
    CONTROL_PATH,
    DROPPED_CONNECTION,
    Answer,
    Exchange,
    Fault,
    Faults,
    Request,
    Server,
    failing,
    rate_limited,
)

SHOWN = 20  # of each kind; more can be asked of the platform itself
FAULTS = ("status", "retry_after", "delay_seconds", "drop", "after_storing", "times", "path", "share")
USUAL_FAULTS = (rate_limited(), failing(500), failing(503), DROPPED_CONNECTION)
ROUTES = (
    "GET /_sandbox",
    "GET /_sandbox/credentials",
    "POST /_sandbox/changes",
    "GET, POST and DELETE /_sandbox/faults",
)


class CompanyControl:
    """Shows and changes a company, and says what goes wrong with the simulator's answers."""

    def __init__(self, company: Company, credentials: Mapping[str, str]) -> None:
        self.company, self.credentials = company, dict(credentials)

    def answer(self, request: Request, server: Server) -> Answer:
        try:
            return self._route(request, server)
        except NonsenseError as error:
            return _json(400, {"error": str(error)})

    def _route(self, request: Request, server: Server) -> Answer:
        match request.method, request.path.removeprefix(CONTROL_PATH).rstrip("/"):
            case "GET", "":
                return _json(200, self._overview(server))
            case "GET", "/credentials":
                return _json(200, self.credentials)
            case "POST", "/changes":
                return _json(200, change(self.company, Arguments(request.body)))
            case "GET", "/faults":
                return _json(200, _shown_faults(server.faults))
            case "POST", "/faults":
                _add_fault(server.faults, Arguments(request.body))
                return _json(200, _shown_faults(server.faults))
            case "DELETE", "/faults":
                server.faults.clear()
                return _json(200, _shown_faults(server.faults))
        return _json(404, {"error": f"There is no {request.method} {request.path}; there are {', '.join(ROUTES)}."})

    def _overview(self, server: Server) -> dict[str, Any]:
        company = self.company
        with company.lock:
            return {
                "counts": {
                    "users": len(company.users),
                    "jobs": len(company.jobs),
                    "stages": len(company.stages),
                    "applications": len(company.applications),
                    "interviews": len(company.interviews),
                },
                "actions": {name: action.arguments for name, action in ACTIONS.items()},
                "interviews_to_come": [interview_row(company, one) for one in interviews_to_come(company)[:SHOWN]],
                "open_applications": [application_row(company, one) for one in open_applications(company)[:SHOWN]],
                "users": [user_row(company, one) for one in people(company)[:SHOWN]],
                "stages": [
                    {"id": one.id, "name": one.name, "job_id": one.job_id, "job": company.jobs[one.job_id].title}
                    for one in list(company.stages.values())[:SHOWN]
                ],
                "reject_reasons": [{"id": one.id, "name": one.name} for one in company.reject_reasons.values()],
                "faults": _shown_faults(server.faults),
                "requests": [_shown_exchange(one) for one in server.recent.copy()],
            }


def _json(status: int, payload: Any) -> Answer:
    body = orjson.dumps(payload, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)
    return Answer(status, body, {"Content-Type": "application/json; charset=utf-8"})


def _shown_exchange(exchange: Exchange) -> dict[str, Any]:
    request = exchange.request
    return {
        "at": exchange.at,
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "status": exchange.status,
    }


def _add_fault(faults: Faults, arguments: Arguments) -> None:
    """`share` concerns all answers from now on, without it the next `times` to paths that start with `path`.

    `after_storing` loses the answer only: what was asked for has been done.

    A share without a fault is a mixture of what happens to platforms.
    """
    arguments.only(FAULTS)
    fault = _fault(arguments)
    share = arguments.number("share", low=0, high=1)
    times, path = arguments.integer("times", low=1, high=100_000), arguments.text("path")
    if path is not None and not path.startswith("/"):
        raise NonsenseError("path has to begin with /, and to be as clients send it.")
    if share is not None:
        if times is not None or path is not None:
            raise NonsenseError("share concerns all answers: it goes with neither times nor path.")
        faults.spoil_share(share, *(USUAL_FAULTS if fault == Fault() else (fault,)))
    elif fault == Fault():
        raise NonsenseError("Say what goes wrong: status, delay_seconds, drop or share.")
    else:
        faults.queue(fault, times=times or 1, path=path or "")


def _fault(arguments: Arguments) -> Fault:
    status = arguments.integer("status", low=429, high=599)
    if status is not None and 429 < status < 500:
        raise NonsenseError("status has to be 429, or from 500 to 599.")
    retry_after = arguments.integer("retry_after", high=3600)
    if retry_after is not None and status is None:
        raise NonsenseError("retry_after goes with a status.")
    fault = Fault(
        delay_seconds=arguments.number("delay_seconds", low=0, high=600) or 0,
        status=status,
        retry_after_seconds=retry_after,
    )
    if arguments.flag("drop"):
        if status is not None:
            raise NonsenseError("A connection that is dropped has no status.")
        fault = replace(fault, drops_connection=True)
    if arguments.flag("after_storing"):
        if status == 429 or fault == Fault():
            raise NonsenseError("after_storing goes with drop, delay_seconds or a status from 500 on.")
        fault = replace(fault, after_storing=True)
    return fault


def _shown_faults(faults: Faults) -> dict[str, Any]:
    share, shared = faults.shared()
    return {
        "queued": [
            _shown_fault(fault) | {"path": path, "times": len(list(same))}
            for (path, fault), same in groupby(faults.queued())
        ],
        "share": share,
        "shared": [_shown_fault(fault) for fault in shared] if share else [],
    }


def _shown_fault(fault: Fault) -> dict[str, Any]:
    """Return a fault in the words that ask for it."""
    given = {
        "status": fault.status,
        "retry_after": fault.retry_after_seconds,
        "delay_seconds": fault.delay_seconds or None,
        "drop": fault.drops_connection or None,
        "after_storing": fault.after_storing or None,
    }
    return {name: value for name, value in given.items() if value is not None}
