"""What target fields hold, out of a record's originals."""

import re
from collections.abc import Iterable, Mapping, Sequence
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


class Compiled(NamedTuple):
    """One mapping, ready for use."""

    part: str
    name: str
    url_path: str
    traversal_path: Sequence[Any]
    expression: Any  # of jmespath; None for none


class Mappings:
    """All mappings of one account, by the name of the model."""

    def __init__(self, account_id: Any) -> None:
        self._compiled = _compile(account_id)

    def has(self, model_name: str) -> bool:
        return model_name in self._compiled

    def values(self, model_name: str, originals: Iterable[Original]) -> dict[str, Any] | None:
        """Return what `field_mappings` says of a record. None where nothing is mapped."""
        compiled = self._compiled.get(model_name)
        if not compiled:
            return None
        by_path = {template(original.path): original.data for original in originals}
        found: dict[str, Any] = {part: {} for part in NO_FIELD_MAPPINGS}
        for one in compiled:
            found[one.part][one.name] = {"value": _value(one, by_path)}
        return found


def template(path: str) -> str:
    """Return a path with its ids left open: originals of one kind can have each a path of its own."""
    return "/".join("{id}" if _ID.fullmatch(part) else part for part in path.strip("/").split("/"))


def traverse(data: Any, path: Sequence[Any]) -> Any:
    """Return what stands at the end of a path of keys and positions. None if there is nothing."""
    for step in path:
        if isinstance(data, dict):
            data = data.get(str(step))
        elif isinstance(data, list) and str(step).isdecimal() and int(step) < len(data):
            data = data[int(step)]
        else:
            return None
    return data


def mappings_of(account: LinkedAccount) -> list[FieldMapping]:
    """Return the mappings that hold for an account: of one target its own comes before the integration-wide one."""
    known = FieldMapping.objects.filter(
        Q(linked_account=account)
        | Q(linked_account=None, platform=account.platform, target_field__organization=account.organization_id)
    ).select_related("target_field")
    by_target = {one.target_field_id: one for one in known if one.is_integration_wide}
    by_target |= {one.target_field_id: one for one in known if not one.is_integration_wide}
    return sorted(by_target.values(), key=lambda one: (one.target_field.common_model, one.target_field.name))


def _compile(account_id: Any) -> Mapping[str, list[Compiled]]:
    account = LinkedAccount.objects.only("id", "platform", "organization_id").filter(id=account_id).first()
    compiled: dict[str, list[Compiled]] = {}
    for mapping in mappings_of(account) if account else ():
        target = mapping.target_field
        expression = jmespath.compile(mapping.jmes_path) if mapping.jmes_path else None
        part = _ORGANIZATION if target.is_organization_wide else _ACCOUNT
        one = Compiled(part, target.name, template(mapping.url_path), mapping.traversal_path, expression)
        compiled.setdefault(target.common_model, []).append(one)
    return compiled


def _value(one: Compiled, by_path: Mapping[str, Any]) -> Any:
    value = traverse(by_path.get(one.url_path), one.traversal_path)
    if one.expression is None or value is None:
        return value
    try:
        return one.expression.search(value)
    except jmespath.exceptions.JMESPathError:  # it does not fit this record
        return None
