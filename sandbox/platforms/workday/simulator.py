"""Workday's SOAP web services Recruiting and Human_Resources, v45.2, as strict as their documentation. Reading only.

https://community.workday.com/sites/default/files/file-hosting/productionapi/Recruiting/v31.2/Get_Interviews.html
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import RLock
from xml.sax.saxutils import escape

from sandbox.company import Company
from sandbox.platforms.workday.rows import CompanyRows, Criteria, PayloadRows, Rows
from sandbox.platforms.workday.xml import BSVC, ENVELOPE, NAMESPACES, Element, Xml, local, parse, tag
from sandbox.server import Answer, Request

VERSION = "v45.2"
MAX_COUNT, DEFAULT_COUNT = 999, 100
PLAIN_PASSWORD = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"  # noqa: S105
DESCRIPTOR = re.compile(r' wd:Descriptor="[^"]*"')
NOT_AUTHORIZED = "The task submitted is not authorized."
WRITES = frozenset({"Put_Interview", "Put_Interview_Feedback"})
SERVICES = {
    "Human_Resources": frozenset({"Get_Workers"}),
    "Recruiting": frozenset({"Get_Candidates", "Get_Interviews"}) | WRITES,
}

# What may stand in what, in this order.
Schema = Mapping[str, "Schema"]
REFERENCE: Schema = {"ID": {}}
CHANGES: Schema = {
    "Transaction_Log_Criteria_Data": {"Transaction_Date_Range_Data": {"Updated_From": {}, "Updated_Through": {}}}
}
FILTER: Schema = {"As_Of_Effective_Date": {}, "As_Of_Entry_DateTime": {}, "Page": {}, "Count": {}}
REQUESTS: Mapping[str, Schema] = {
    "Get_Workers": {
        "Request_References": {"Worker_Reference": REFERENCE},
        "Request_Criteria": {**CHANGES, "Exclude_Inactive_Workers": {}},
        "Response_Filter": FILTER,
        "Response_Group": {
            "Include_Reference": {},
            "Include_Personal_Information": {},
            "Include_Employment_Information": {},
        },
    },
    "Get_Candidates": {
        "Request_References": {"Candidate_Reference": REFERENCE},
        "Request_Criteria": CHANGES,
        "Response_Filter": FILTER,
        "Response_Group": {"Include_Reference": {}, "Exclude_All_Attachments": {}},
    },
    "Get_Interviews": {
        "Request_References": {"Interview_Reference": REFERENCE},
        "Request_Criteria": {
            "Job_Application_Reference": REFERENCE,
            "Candidate_Interview_Criteria_Data": {"Candidate_Reference": REFERENCE, "Requisition_Reference": REFERENCE},
        },
        "Response_Filter": FILTER,
        "Response_Group": {"Include_Reference": {}},
    },
}
# What a Response_Group that does not ask for it takes away.
GROUPS = {
    "Get_Workers": {
        "Include_Reference": "Worker_Reference",
        "Include_Personal_Information": "Personal_Data",
        "Include_Employment_Information": "Employment_Data",
    },
    "Get_Candidates": {"Include_Reference": "Candidate_Reference"},
    "Get_Interviews": {},
}


class Refusal(Exception):  # noqa: N818 (nothing went wrong here)
    def __init__(self, answer: Answer) -> None:
        self.answer = answer


class WorkdaySimulator:
    """Tells about a company, or about records given as they are: see PayloadRows.

    `denied_operations` ("Get_Interviews", …) are those that the user has no right to.
    """

    base_path = "/ccx/service"
    tenant, username, password = "sandbox_dpt1", "ISU_Sandbox", "sand&box<password>"

    def __init__(self, source: Company | PayloadRows, *, clock: Callable[[], datetime] | None = None) -> None:
        self.rows: Rows = CompanyRows(source) if isinstance(source, Company) else source
        self.lock = source.lock if isinstance(source, Company) else RLock()
        own_clock = source.clock if isinstance(source, Company) else lambda: datetime.now(UTC)
        self.clock = clock or own_clock
        self.denied_operations: set[str] = set()

    @property
    def credentials(self) -> dict[str, str]:
        return {"tenant": self.tenant, "username": self.username, "password": self.password}

    def answer(self, request: Request) -> Answer:
        with self.lock:
            try:
                return self._answer(request)
            except Refusal as refusal:
                return refusal.answer

    def fault(self, status: int, retry_after_seconds: int | None) -> Answer:
        if status == 500:
            return _fault("Server", "Internal error")
        headers = {"Content-Type": "text/html"}
        if retry_after_seconds is not None:
            headers["Retry-After"] = str(retry_after_seconds)
        return Answer(status, b"<!DOCTYPE html><html><body>Please try again.</body></html>", headers)

    def _answer(self, request: Request) -> Answer:
        tenant, service = _route(request.path.removeprefix(f"{self.base_path}/"))
        if not request.path.startswith(f"{self.base_path}/") or service not in SERVICES:
            return Answer(404)
        if request.method != "POST":
            return Answer(405, headers={"Allow": "POST"})
        if "xml" not in request.headers.get("content-type", ""):
            return Answer(415)
        envelope = _read_envelope(request.body)
        self._authenticate(envelope, tenant)
        content = envelope.find("env:Body/*", NAMESPACES)
        if content is None:
            raise Refusal(_fault("Client", "The envelope has no request"))
        body = self._perform(service, content)
        if envelope.findtext(
            "env:Header/wd:Workday_Common_Header/wd:Include_Reference_Descriptors_In_Response", namespaces=NAMESPACES
        ) not in ("true", "1"):
            body = DESCRIPTOR.sub("", body)
        return _xml(200, body)

    def _authenticate(self, envelope: Element, tenant: str) -> None:
        proof = "env:Header/wsse:Security/wsse:UsernameToken"
        username = envelope.findtext(f"{proof}/wsse:Username", namespaces=NAMESPACES)
        password = envelope.find(f"{proof}/wsse:Password", NAMESPACES)
        if (
            tenant != self.tenant
            or username != f"{self.username}@{self.tenant}"
            or password is None
            or password.text != self.password
            or password.get("Type") != PLAIN_PASSWORD
        ):
            raise Refusal(_fault("Client.authenticationError", "invalid username or password"))

    def _perform(self, service: str, content: Element) -> str:
        name = local(content)
        operation = name.removesuffix("_Request")
        is_known = name == "Server_Timestamp_Get" or (name != operation and operation in SERVICES[service])
        if not content.tag == f"{{{BSVC}}}{name}" or not is_known:
            raise Refusal(_fault("Client", f"Unknown operation {name}"))
        if content.get(f"{{{BSVC}}}version") != VERSION:
            raise _invalid("Invalid request version")
        if operation in WRITES | self.denied_operations:
            detail = tag("Processing_Fault", tag("Detail_Message", NOT_AUTHORIZED))
            raise Refusal(_fault("Client.processingError", f"Processing error occurred. {NOT_AUTHORIZED}", detail))
        if name == "Server_Timestamp_Get":
            _check(content, {})
            return _answering("Server_Timestamp", tag("Server_Timestamp_Data", _iso(self._now())))
        _check(content, REQUESTS[operation])
        return self._list(operation, content)

    def _list(self, operation: str, request: Element) -> str:
        if request.find("wd:Request_References", NAMESPACES) is not None and (
            request.find("wd:Request_Criteria", NAMESPACES) is not None
        ):
            raise _invalid("Request_References and Request_Criteria exclude each other")
        page = self._read_page(request)
        keys = self.rows.keys(operation, self._read_criteria(request))
        start = (page.number - 1) * page.count
        hides = _hidden(operation, request)
        records = [hides(self.rows.record(operation, key)) for key in keys[start : start + page.count]]
        return _answering(
            f"{operation}_Response",
            tag("Response_Filter", tag("Page", str(page.number)), tag("Count", str(page.count))),
            tag(
                "Response_Results",
                tag("Total_Results", str(len(keys))),
                tag("Total_Pages", str(-(-len(keys) // page.count))),
                tag("Page_Results", str(len(records))),
                tag("Page", str(page.number)),
            ),
            tag("Response_Data", *records) if records else None,
        )

    def _read_page(self, request: Element) -> "_Page":
        number = _text(request, "Response_Filter/Page") or "1"
        count = _text(request, "Response_Filter/Count") or str(DEFAULT_COUNT)
        as_of = _read_time(request, "Response_Filter/As_Of_Entry_DateTime")
        if number == "0":
            raise _invalid("Page number cannot be zero.")
        if not number.isdecimal() or not count.isdecimal():
            raise _invalid("Page and Count must be numbers.")
        if not 1 <= int(count) <= MAX_COUNT:
            raise _invalid(f"Count must be between 1 and {MAX_COUNT}.")
        if as_of and as_of > self.clock():
            raise _invalid("As Of Entry DateTime must be less than or equal to Current Moment!")
        return _Page(int(number), int(count))

    def _read_criteria(self, request: Element) -> Criteria:
        references = request.findall("wd:Request_References/*", NAMESPACES)
        pair = "Request_Criteria/Candidate_Interview_Criteria_Data"
        return Criteria(
            updated=self._read_changes(request),
            records=frozenset(_wid(one) for one in references) if references else None,
            application=_wid_at(request, "Request_Criteria/Job_Application_Reference"),
            candidate=_wid_at(request, f"{pair}/Candidate_Reference"),
            requisition=_wid_at(request, f"{pair}/Requisition_Reference"),
            leaves_out_inactive=_text(request, "Request_Criteria/Exclude_Inactive_Workers") in ("true", "1"),
        )

    def _read_changes(self, request: Element) -> tuple[datetime, datetime] | None:
        path = "Request_Criteria/Transaction_Log_Criteria_Data/Transaction_Date_Range_Data"
        start, end = _read_time(request, f"{path}/Updated_From"), _read_time(request, f"{path}/Updated_Through")
        if start is None and end is None:
            return None
        if start is None or end is None:
            raise _invalid("If one of Updated From or Updated Through contains a value, both are Required!")
        if start > end:
            raise _invalid("Updated From must be less than or equal to Updated Through!")
        if end > self.clock():
            raise _invalid("Updated Through must be less than or equal to Current Moment!")
        return start, end

    def _now(self) -> datetime:
        now = self.clock()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


@dataclass(frozen=True, slots=True)
class _Page:
    number: int
    count: int


def _route(path: str) -> tuple[str, str]:
    """Return tenant and service. An empty service is none."""
    match path.split("/"):
        case [tenant, service, version] if version == VERSION:
            return tenant, service
    return "", ""


def _read_envelope(body: bytes) -> Element:
    with suppress(ValueError):
        envelope = parse(body)
        if envelope.tag == f"{{{ENVELOPE}}}Envelope":
            return envelope
    raise Refusal(_fault("Client", "The request is no SOAP envelope"))


def _check(element: Element, schema: Schema) -> None:
    position = 0
    for child in element:
        name = local(child)
        if child.tag != f"{{{BSVC}}}{name}" or name not in schema:
            raise _invalid(f"Invalid element {name} in {local(element)}")
        if list(schema).index(name) < position:
            raise _invalid(f"Element {name} is out of order in {local(element)}")
        position = list(schema).index(name)
        _check(child, schema[name])


def _hidden(operation: str, request: Element) -> Callable[[Xml], Xml]:
    """Return what takes out of a record whatever the request's Response_Group does not name."""
    if request.find("wd:Response_Group", NAMESPACES) is None:
        return lambda record: record
    hidden = [
        re.compile(f"<wd:{name}[ >].*?</wd:{name}>", re.DOTALL)
        for switch, name in GROUPS[operation].items()
        if _text(request, f"Response_Group/{switch}") not in ("true", "1")
    ]

    def hide(record: Xml) -> Xml:
        for pattern in hidden:
            record = Xml(pattern.sub("", record, count=1))
        return record

    return hide


def _text(element: Element, path: str) -> str | None:
    return element.findtext("/".join(f"wd:{name}" for name in path.split("/")), namespaces=NAMESPACES)


def _read_time(element: Element, path: str) -> datetime | None:
    text = _text(element, path)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _invalid(f"Invalid date: {text}") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _wid(reference: Element) -> str:
    for one in reference.iterfind("wd:ID", NAMESPACES):
        if one.get(f"{{{BSVC}}}type") == "WID" and one.text:
            return one.text
    raise _invalid(f"Invalid ID value in {local(reference)}")


def _wid_at(element: Element, path: str) -> str | None:
    reference = element.find("/".join(f"wd:{name}" for name in path.split("/")), NAMESPACES)
    return None if reference is None else _wid(reference)


def _invalid(message: str) -> Refusal:
    error = tag("Validation_Error", tag("Message", message), tag("Detail_Message", message))
    return Refusal(
        _fault("Client.validationError", f"Validation error occurred. {message}", tag("Validation_Fault", error))
    )


def _fault(code: str, text: str, detail: Xml | None = None) -> Answer:
    details = f"<detail>{detail}</detail>" if detail else ""
    fault = f"<faultcode>SOAP-ENV:{code}</faultcode><faultstring>{escape(text)}</faultstring>{details}"
    opening = f'<SOAP-ENV:Fault xmlns:SOAP-ENV="{ENVELOPE}" xmlns:wd="{BSVC}">'
    return _xml(500, f"{opening}{fault}</SOAP-ENV:Fault>", prefix="SOAP-ENV")


def _answering(name: str, *content: Xml | None) -> str:
    return tag(name, *content, version=VERSION).replace(f"<wd:{name}", f'<wd:{name} xmlns:wd="{BSVC}"', 1)


def _xml(status: int, body: str, *, prefix: str = "env") -> Answer:
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?><{prefix}:Envelope xmlns:{prefix}="{ENVELOPE}">'
        f"<{prefix}:Body>{body}</{prefix}:Body></{prefix}:Envelope>"
    )
    return Answer(status, document.encode(), {"Content-Type": "text/xml;charset=UTF-8"})


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
