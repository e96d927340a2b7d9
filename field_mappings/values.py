"""What target fields hold, out of a record's originals."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import jmespath
import jmespath.exceptions
from django.db.models import Q

from api.serializers import NO_FIELD_MAPPINGS
from connectors.records import Original
from field_mappings.models import FieldMapping
from linked_accounts.models import LinkedAccount

_ID = re.compile(r"[0-9]+|[0-9a-fA-F-]{20,}")
_ORGANIZATION, _ACCOUNT = NO_FIELD_MAPPINGS  # the names of its two parts
# Platforms tell of custom fields by objects of these keys, where it is a list of them.
_NAMES = ("name", "title", "label", "key", "id")
VALUES = ("value", "values")
MAX_COPIES = 100


class Rule(NamedTuple):
    """One mapping, ready for use."""

    part: str
    name: str
    url_path: str
    traversal_path: Sequence[Any]
    jmes_path: str | None


class Mappings:
    """All mappings of one account as they are now, by the name of the model."""

    def __init__(self, account_id: Any) -> None:
        self.account_id = account_id
        self._rules = _rules(account_id)

    def has(self, model_name: str) -> bool:
        return model_name in self._rules

    def hold(self) -> bool:
        """Whether nobody has changed them since."""
        return self._rules == _rules(self.account_id)

    def values(self, model_name: str, originals: Iterable[Original]) -> dict[str, Any] | None:
        """Return what `field_mappings` says of a record. None where nothing is mapped."""
        rules = self._rules.get(model_name)
        if not rules:
            return None
        by_path = {template(original.path): original.data for original in originals}
        found: dict[str, Any] = {part: {} for part in NO_FIELD_MAPPINGS}
        for rule in rules:
            found[rule.part][rule.name] = {"value": _value(rule, by_path)}
        return found


def template(path: str) -> str:
    """Return a path with its ids left open: originals of one kind can have each a path of its own."""
    return "/".join("{id}" if _ID.fullmatch(part) else part for part in path.strip("/").split("/"))


def traverse(data: Any, path: Sequence[Any]) -> Any:
    """Return what stands at the end of a path of keys, positions and names of custom fields. None if there is nothing.

    In a list a text is the name of one of its custom fields, or else a position.
    """
    for step in path:
        if isinstance(data, dict):
            data = data.get(str(step))
        elif isinstance(data, list):
            named = (one for one in data if field_name(one) == step)
            data = next(named, data[int(step)] if str(step).isdecimal() and int(step) < len(data) else None)
        else:
            return None
    return data


def field_name(entry: Any) -> str | None:
    """Return the name of a custom field by an entry of their list. None for an entry of any other list."""
    if not isinstance(entry, dict) or not any(key in entry for key in VALUES):
        return None
    return next((entry[key] for key in _NAMES if isinstance(entry.get(key), str)), None)


def check_jmes_path(expression: str) -> None:
    """Raises ValueError for what is no JMESPath, or could make a value many times as large as the original."""
    try:
        parsed = jmespath.compile(expression).parsed
    except RecursionError:
        raise ValueError("This is nested too deeply.") from None
    except jmespath.exceptions.JMESPathError as error:
        raise ValueError(f"This is no JMESPath: {' '.join(str(error).split())}") from error
    if prod(_copies(parsed)) > MAX_COPIES:
        raise ValueError("This selects too much at once.")


def mappings_of(account_id: Any) -> list[FieldMapping]:
    """Return the mappings that hold for an account: of one target its own comes before the integration-wide one."""
    account = LinkedAccount.objects.filter(id=account_id)
    known = FieldMapping.objects.filter(
        Q(linked_account=account_id)
        | Q(
            linked_account=None,
            platform__in=account.values("platform"),
            target_field__organization__in=account.values("organization"),
        )
    ).select_related("target_field")
    by_target = {one.target_field_id: one for one in known if one.is_integration_wide}
    by_target |= {one.target_field_id: one for one in known if not one.is_integration_wide}
    return sorted(by_target.values(), key=lambda one: (one.target_field.common_model, one.target_field.name))


def _rules(account_id: Any) -> Mapping[str, list[Rule]]:
    rules: dict[str, list[Rule]] = {}
    for mapping in mappings_of(account_id):
        target = mapping.target_field
        part = _ORGANIZATION if target.is_organization_wide else _ACCOUNT
        rule = Rule(part, target.name, template(mapping.url_path), mapping.traversal_path, mapping.jmes_path)
        rules.setdefault(target.common_model, []).append(rule)
    return rules


def _value(rule: Rule, by_path: Mapping[str, Any]) -> Any:
    value = traverse(by_path.get(rule.url_path), rule.traversal_path)
    if not rule.jmes_path or value is None:
        return value
    try:
        found = jmespath.search(rule.jmes_path, value)
        # It can be something else: `&name` is a function, and to_number('nan') no number.
        json.dumps(found, allow_nan=False)
    except Exception:  # the expression does not fit this record, in one of many ways: `[::0]` is a plain ValueError
        return None
    return found


def _copies(node: Any) -> Iterator[int]:
    """Yield how often each selection in an expression can repeat what it is given."""
    if isinstance(node, dict):
        if node["type"] in ("multi_select_list", "multi_select_dict"):
            yield max(2, len(node["children"]))  # to_string doubles the quotes of what stands in just one
        for child in node["children"]:
            yield from _copies(child)
