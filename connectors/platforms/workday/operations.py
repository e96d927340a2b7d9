"""The operations of Workday's web services that we call, and what their requests look like.

https://community.workday.com/sites/default/files/file-hosting/productionapi/Recruiting/v31.2/Get_Interviews.html
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from connectors.soap import Element, Vocabulary

VERSION = "v45.2"
MAX_COUNT = 999

wd = Vocabulary("urn:com.workday/bsvc", "wd")


@dataclass(frozen=True, slots=True)
class Listing:
    """`group` are the switches of its Response_Group, all of them set."""

    service: str
    operation: str
    group: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return f"{self.service}/{VERSION}/{self.operation}"


# With a group, only what it names is given.
WORKERS = Listing(
    "Human_Resources",
    "Get_Workers",
    ("Include_Reference", "Include_Personal_Information", "Include_Employment_Information"),
)
# Attachments come along unless they are declined.
CANDIDATES = Listing("Recruiting", "Get_Candidates", ("Include_Reference", "Exclude_All_Attachments"))
INTERVIEWS = Listing("Recruiting", "Get_Interviews")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which records a listing is asked for: as they were `as_of`, and only what changed since `updated_from`."""

    as_of: datetime
    updated_from: datetime | None = None


def timestamp_request() -> Element:
    return _request("Server_Timestamp_Get")


def page_request(listing: Listing, query: Query, *, number: int, count: int) -> Element:
    """Return the request of one page. Workday insists on the order of these elements."""
    parts = []
    if query.updated_from:
        changed = wd.make(
            "Transaction_Date_Range_Data",
            wd.make("Updated_From", xsd_time(query.updated_from)),
            wd.make("Updated_Through", xsd_time(query.as_of)),
        )
        parts.append(wd.make("Request_Criteria", wd.make("Transaction_Log_Criteria_Data", changed)))
    parts.append(
        wd.make(
            "Response_Filter",
            wd.make("As_Of_Entry_DateTime", xsd_time(query.as_of)),
            wd.make("Page", str(number)),
            wd.make("Count", str(count)),
        )
    )
    if listing.group:
        parts.append(wd.make("Response_Group", *(wd.make(name, "true") for name in listing.group)))
    return _request(f"{listing.operation}_Request", *parts)


def common_header() -> Element:
    """Ask for names beside ids: stages, sources and reasons have theirs nowhere else."""
    return wd.make("Workday_Common_Header", wd.make("Include_Reference_Descriptors_In_Response", "true"))


def xsd_time(moment: datetime) -> str:
    timespec = "milliseconds" if moment.microsecond else "seconds"
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def _request(name: str, *parts: Element) -> Element:
    return wd.make(name, *parts, attributes={"version": VERSION})
