"""What a request may ask of an entity: fields, navigations, `$filter`.

https://www.odata.org/documentation/odata-version-2-0/uri-conventions/
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from sandbox.platforms.successfactors.rows import EPOCH, Row

Test = Callable[[Row], bool]

# https://userapps.support.sap.com/sap/support/knowledge/en/2541688
STATUS_NUMBERS = {
    "Open": 0,
    "Disqualified": 1,
    "Closed": 2,
    "Withdraw": 3,
    "Saved": 4,
    "Non Applied": 5,
    "Draft Application": 6,
}

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {"eq": eq, "ne": ne, "gt": gt, "ge": ge, "lt": lt, "le": le}
TOKENS = re.compile(r"\s*(?:((?:datetimeoffset|datetime)?'(?:[^']|'')*')|(-?\d+)L?\b|([A-Za-z_]\w*)|([(),]))")


class BadOption(Exception):  # noqa: N818 (named for what happened)
    """A request that is answered with 400."""


class Kind(Enum):
    TEXT = "text"
    NUMBER = "number"  # Edm.Int64, in rows as text
    LABEL = "label"  # of a number
    MOMENT = "moment"


TEXT, NUMBER, LABEL, MOMENT = Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """`fields` with how `$filter` takes them; None for those that it does not."""

    fields: dict[str, Kind | None]
    navigations: frozenset[str] = frozenset()


# fmt: off
ENTITIES = {
    "User": Entity(
        fields={
            "userId": TEXT, "username": TEXT, "firstName": TEXT, "lastName": TEXT, "email": TEXT, "status": TEXT,
            "lastModifiedDateTime": MOMENT, "hireDate": None, "defaultFullName": None, "title": None, "timeZone": None,
        },
    ),
    "JobApplicationStatus": Entity(
        fields={"appStatusSetId": NUMBER, "appStatusId": NUMBER, "appStatusName": TEXT},
    ),
    "JobApplication": Entity(
        fields={
            "applicationId": NUMBER, "candidateId": NUMBER, "jobReqId": NUMBER, "status": LABEL,
            "applicationDate": MOMENT, "lastModifiedDateTime": MOMENT, "appStatusSetItemId": None, "source": None,
            "sourceLabel": None, "referredBy": None, "firstName": None, "lastName": None, "contactEmail": None,
            "averageRating": None,
        },
        navigations=frozenset({"jobAppStatus"}),
    ),
    "JobApplicationInterview": Entity(
        fields={
            "applicationInterviewId": NUMBER, "applicationId": NUMBER, "status": TEXT, "startDate": MOMENT,
            "endDate": MOMENT, "candSlotMapId": None, "recruitEventStaffId": None, "source": None,
            "templateType": None, "isTimeSet": None, "notes": None,
        },
        navigations=frozenset({"interviewer", "interviewOverallAssessment"}),
    ),
}
# fmt: on


def invalid_names(entity: str, names: Sequence[str]) -> BadOption:
    paths = ",".join(f"{entity}/{name}" for name in names)
    return BadOption(f"[COE0021]Invalid property names: {paths}. Please check the property names again.")


def read_names(entity: str, given: str, known: Collection[str]) -> list[str]:
    names = [name.strip() for name in given.split(",")]
    if unknown := [name for name in names if name.partition("/")[0] not in known]:
        raise invalid_names(entity, unknown)
    return names


def comparable(kind: Kind, value: Any) -> Any:
    """Return a row's value as `$filter` compares it: moments in milliseconds."""
    if value is None:
        return None
    match kind:
        case Kind.NUMBER:
            return int(value)
        case Kind.LABEL:
            return STATUS_NUMBERS.get(value)
        case Kind.MOMENT:
            return int(value.removeprefix("/Date(").partition(")")[0].partition("+")[0])
    return value


@dataclass
class Filter:
    """A `$filter` that has been read: `fields` are those that it names. Raises BadOption for one that is wrong."""

    entity: str
    text: str
    fields: set[str] = field(default_factory=set)
    _tokens: list[str] = field(default_factory=list)

    def test(self) -> Test:
        self._tokens = _tokens(self.text)
        test = self._any()
        if self._tokens:
            raise self._wrong()
        return test

    def _any(self) -> Test:
        tests = [self._all()]
        while self._takes("or"):
            tests.append(self._all())
        return lambda row: any(test(row) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._takes("and"):
            tests.append(self._one())
        return lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        if self._takes("("):
            test = self._any()
            if not self._takes(")"):
                raise self._wrong()
            return test
        name, operator = self._next(), self._next()
        kind = ENTITIES[self.entity].fields.get(name)
        if kind is None:
            raise invalid_names(self.entity, [name])
        self.fields.add(name)
        if operator == "in":
            values = [self._value(kind)]
            while self._takes(","):
                values.append(self._value(kind))
            return lambda row: comparable(kind, row.get(name)) in values
        if operator not in OPERATORS:
            raise self._wrong()
        return self._comparison(name, kind, OPERATORS[operator], self._value(kind))

    def _comparison(self, name: str, kind: Kind, compare: Callable[[Any, Any], bool], wanted: Any) -> Test:
        def test(row: Row) -> bool:
            value = comparable(kind, row.get(name))
            if value is None or wanted is None:
                return compare in (eq, ne) and compare(value, wanted)
            return compare(value, wanted)

        return test

    def _value(self, kind: Kind) -> Any:
        token = self._next()
        start, _, rest = token.partition("'")
        if token == "null":  # noqa: S105 (of a filter)
            return None
        if kind is Kind.MOMENT and start in ("datetimeoffset", "datetime"):
            try:
                moment = datetime.fromisoformat(rest.removesuffix("'"))
            except ValueError:
                raise self._wrong() from None
            if (moment.tzinfo is None) is (start == "datetimeoffset"):
                raise self._wrong()
            return (moment.replace(tzinfo=moment.tzinfo or UTC) - EPOCH).total_seconds() * 1000
        if kind is Kind.TEXT and token.startswith("'"):
            return token[1:-1].replace("''", "'")
        number = token.strip("'")
        if kind in (Kind.NUMBER, Kind.LABEL) and number.lstrip("-").isdigit():
            return int(number)
        raise self._wrong()

    def _takes(self, token: str) -> bool:
        if self._tokens[:1] == [token]:
            del self._tokens[0]
            return True
        return False

    def _next(self) -> str:
        if not self._tokens:
            raise self._wrong()
        return self._tokens.pop(0)

    def _wrong(self) -> BadOption:
        return BadOption(f"[COE0018]The filter cannot be read: {self.text}")


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    while text[position:].strip():
        found = TOKENS.match(text, position)
        if found is None:
            raise BadOption(f"[COE0018]The filter cannot be read: {text}")
        tokens.append(next(group for group in found.groups() if group is not None))
        position = found.end()
    return tokens
