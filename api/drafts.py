"""Reads what a caller wants a record to be, by the declaration of what the platform takes.

Collects everything that is wrong before anything is done (wire contract, section 4).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError as FormValidationError
from django.db import models
from rest_framework.exceptions import ValidationError

from api import values
from api.problems import Problems
from api.serializers import UnifiedModelSerializer, unified_fields
from connectors.creation import Creation, Parameter

EXTRAS = ("integration_params", "linked_account_params")
REQUIRED = "This field is required."
_JSON_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


def without_nul(body: Any) -> Any:
    """Return a body without the one character that PostgreSQL does not take."""
    if isinstance(body, dict):
        return {without_nul(name): without_nul(value) for name, value in body.items()}
    if isinstance(body, list):
        return [without_nul(value) for value in body]
    return body.replace("\0", "") if isinstance(body, str) else body


def model_of(body: Any) -> dict[str, Any]:
    """Return the model of a request's body. Raises ValidationError if there is none."""
    if not isinstance(body, dict) or "model" not in body:
        raise ValidationError({"model": [REQUIRED]})
    if not isinstance(body["model"], dict):
        raise ValidationError({"model": ["This must be an object."]})
    return body["model"]


class Draft:
    """The values of a model as their columns take them, but ids as the caller gave them: `references` says which.

    `given` holds what is to be written, a null included where `takes_null`; `parameters` the platform's own ones.
    """

    def __init__(
        self,
        serializer: type[UnifiedModelSerializer],
        creation: Creation,
        given: Mapping[str, Any],
        problems: Problems,
        *,
        enums: Mapping[str, type[models.TextChoices]],
        takes_null: bool = False,
    ) -> None:
        self.serializer = serializer
        self.model: Any = serializer.Meta.model
        self.creation = creation
        self.problems = problems
        self.enums = enums
        self.given: dict[str, Any] = {}
        self.references: dict[str, list[str]] = {}
        known = set(serializer().fields) - set(unified_fields())
        for name, value in given.items():
            if name in EXTRAS:
                continue
            if name not in known:
                problems.warn(
                    "UNRECOGNIZED_FIELD",
                    f"An unrecognized field, {name}, was passed in with request data.",
                    f"model/{name}",
                )
            elif name not in creation.fields:
                problems.warn("UNSUPPORTED_FIELD", f"{name} cannot be written here.", f"model/{name}")
            elif value is not None:
                self._take(name, value)
            elif takes_null:
                self.given[name] = None
        for name in creation.fields:
            if name in creation.required and self.given.get(name) in (None, "", []) and not self._is_blamed(name):
                self._miss(name)
        self.parameters = self._parameters(self._extra("integration_params", given))
        for name in self._extra("linked_account_params", given):
            self._unrecognized(f"linked_account_params/{name}", name)

    def _take(self, name: str, value: Any) -> None:
        field = self.model._meta.get_field(name)
        if isinstance(field, ArrayField):
            several = value if isinstance(value, list) else [value]
            if several is not value:
                self.problems.warn("INCORRECT_FIELD_TYPE", f"{name} should be an array.", f"model/{name}")
            ids = [_id(one) for one in several]
        elif isinstance(field, models.ForeignKey):
            ids = [_id(value)]
        else:
            read = self._time if isinstance(field, models.DateTimeField) else self._text
            if (found := read(name, value)) is not None and self._is_choice(name, found):
                self.given[name] = found
            return
        if None in ids:
            self.problems.refuse("INCORRECT_FIELD_TYPE", f"{name} takes ids, which are text.", f"model/{name}")
            return
        self.references[name] = self.given[name] = list(dict.fromkeys(id for id in ids if id))

    def _time(self, name: str, value: Any) -> datetime | None:
        try:
            if not isinstance(value, str):
                raise FormValidationError("Times are text in ISO 8601, such as 2024-05-01T10:00:00Z.")
            return values.DateTimeField().clean(value)
        except FormValidationError as error:
            detail = f"{name}: {' '.join(error.messages)}"
            self.problems.refuse("INCORRECT_FIELD_TYPE", detail, f"model/{name}")
            return None

    def _text(self, name: str, value: Any) -> str | None:
        if isinstance(value, str):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            self.problems.warn("INCORRECT_FIELD_TYPE", f"{name} should be a string.", f"model/{name}")
            return str(value)
        self.problems.refuse("INCORRECT_FIELD_TYPE", f"{name} has to be a string.", f"model/{name}")
        return None

    def _is_choice(self, name: str, value: Any) -> bool:
        """Whether the platform takes this value of an enum, or the field is none."""
        if name not in self.creation.choices or value in self.creation.choices[name]:
            return True
        if value in self.enums[name].values:
            self.problems.warn("UNSUPPORTED_FIELD", f"{name} cannot be written as {value}.", f"model/{name}")
        else:
            known = ", ".join(self.enums[name].values)
            self.problems.refuse("INVALID_FIELD_CHOICE", f"{name} must be one of {known}.", f"model/{name}")
        return False

    def _extra(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        extra = given.get(name)
        if isinstance(extra, dict):
            return extra
        if extra is not None:
            self.problems.refuse("INCORRECT_FIELD_TYPE", f"{name} has to be an object.", f"model/{name}")
        return {}

    def _parameters(self, given: Mapping[str, Any]) -> dict[str, Any]:
        left = {name: value for name, value in given.items() if value is not None}
        found: dict[str, Any] = {}
        for parameter in self.creation.integration_params:
            names = [name for name in (parameter.name, *parameter.aliases) if name in left]
            given_values = [left.pop(name) for name in names]
            if given_values and given_values[0] != "":
                value = given_values[0]
                if parameter.type == "string" and isinstance(value, int | float) and not isinstance(value, bool):
                    pointer = f"model/integration_params/{parameter.name}"
                    self.problems.warn("INCORRECT_FIELD_TYPE", f"{parameter.name} should be a string.", pointer)
                    value = str(value)
                if self._fits(parameter, value):
                    found[parameter.name] = value
            elif parameter.required:
                self._miss(f"integration_params/{parameter.name}")
        for name in left:
            self._unrecognized(f"integration_params/{name}", name)
        return found

    def _fits(self, parameter: Parameter, value: Any) -> bool:
        pointer = f"model/integration_params/{parameter.name}"
        is_number = isinstance(value, bool) and parameter.type in ("integer", "number")
        if is_number or not isinstance(value, _JSON_TYPES[parameter.type]):
            self.problems.refuse(
                "INCORRECT_FIELD_TYPE", f"{parameter.name} has to be of type {parameter.type}.", pointer
            )
            return False
        if parameter.choices and value not in parameter.choices:
            known = ", ".join(parameter.choices)
            self.problems.refuse("INVALID_FIELD_CHOICE", f"{parameter.name} must be one of {known}.", pointer)
            return False
        return True

    def _miss(self, name: str) -> None:
        self.problems.refuse(
            "MISSING_REQUIRED_FIELD", f"{name.rpartition('/')[2]} is a required field on model.", f"model/{name}"
        )

    def _unrecognized(self, path: str, name: str) -> None:
        self.problems.warn(
            "UNRECOGNIZED_FIELD", f"An unrecognized field, {name}, was passed in with request data.", f"model/{path}"
        )

    def _is_blamed(self, name: str) -> bool:
        return any(problem.pointer == f"model/{name}" for problem in self.problems.errors)


def resolve(draft: Draft, find: Callable[[type[models.Model], set[UUID]], Mapping[UUID, Any]]) -> dict[str, list[Any]]:
    """Return what `find` knows of the records that a draft refers to, by field, noting ids that lead nowhere.

    Each record once, however its id was spelled.
    """
    found: dict[str, list[Any]] = {}
    targets: dict[type[models.Model], set[UUID]] = {}
    for name, ids in draft.references.items():
        targets.setdefault(_target(draft, name), set()).update(id for text in ids if (id := values.uuid(text)))
    records = {model: find(model, ids) for model, ids in targets.items()}
    for name, ids in draft.references.items():
        known = records[_target(draft, name)]
        found[name] = []
        for text in ids:
            id = values.uuid(text)
            if id is None or id not in known:
                draft.problems.refuse(
                    "INVALID_FIELD_CHOICE", f"{name}: the linked account has no {text}.", f"model/{name}"
                )
            elif known[id] not in found[name]:
                found[name].append(known[id])
    return found


def _target(draft: Draft, name: str) -> type[models.Model]:
    related: Any = draft.serializer.expandable[name]
    model: type[models.Model] = related.Meta.model
    return model


def _id(value: Any) -> str | None:
    """Return an id, which may stand in an object; empty text for none; None for what is no id at all."""
    if isinstance(value, dict):
        value = value.get("id")
    return value.strip() if isinstance(value, str) else None
