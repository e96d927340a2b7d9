"""Which fields there are at the platform, as far as the latest originals show."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from applications.models import Application, JobInterviewStage
from field_mappings.values import VALUES, field_name, template
from interviews.models import ScheduledInterview
from linked_accounts.models import LinkedAccount
from linked_accounts.scopes import hidden
from remote_users.models import RemoteUser

SAMPLE = 200  # records of a model that are looked at
MAX_DEPTH = 6
MAX_EXAMPLES = 5
MAX_EXAMPLE_LENGTH = 200
MAX_FIELDS = 500  # of a model
MAX_ENTRIES = 100  # of a list of custom fields
TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
MODELS = (Application, JobInterviewStage, RemoteUser, ScheduledInterview)
BY_NAME: dict[str, Any] = {model.__name__: model for model in MODELS}

Place = tuple[str, tuple[str, ...]]  # path of the original, way to the value


@dataclass
class Seen:
    """What was found at one place of the originals."""

    count: int = 0
    types: set[str] = field(default_factory=set)
    examples: list[Any] = field(default_factory=list)

    def add(self, value: Any) -> None:
        self.count += 1
        self.types.add(TYPES[type(value)])
        is_short = len(str(value)) <= MAX_EXAMPLE_LENGTH
        if is_short and value not in self.examples and len(self.examples) < MAX_EXAMPLES:
            self.examples.append(value)


def remote_fields(
    account: LinkedAccount, model_names: Iterable[str], *, with_examples: bool = False
) -> dict[str, list[dict[str, Any]]]:
    """Return for each model the fields that its latest originals hold, the most frequent first.

    There are none of a model whose originals may not be seen, or not in full.
    """
    unseen = hidden(account)
    return {
        name: []
        if name in unseen.models or unseen.fields_of(name)
        else list(_fields(account, BY_NAME[name], with_examples=with_examples))
        for name in model_names
    }


def _fields(account: LinkedAccount, model: Any, *, with_examples: bool) -> Iterator[dict[str, Any]]:
    latest = model.objects.for_account(account).present().filter(stored_remote_data__isnull=False)
    samples = list(latest.order_by("-created_at").values_list("stored_remote_data__entries", flat=True)[:SAMPLE])
    places: defaultdict[Place, Seen] = defaultdict(Seen)
    for entries in samples:
        found = {
            (f"/{template(entry['path'])}", way): value for entry in entries for way, value in _walk(entry["data"])
        }
        for place, value in found.items():
            if place in places or len(places) < MAX_FIELDS:
                places[place].add(value)
    for (path, way), seen in sorted(places.items(), key=lambda item: (-item[1].count, item[0])):
        yield {
            "schema": schema(seen.types),
            "remote_key_name": way[-1],
            "remote_endpoint_info": {"method": "GET", "url_path": path, "field_traversal_path": list(way)},
            "example_values": seen.examples if with_examples else [],
            "advanced_metadata": None,
            "coverage": round(seen.count / len(samples), 2),
        }


def schema(types: set[str]) -> dict[str, Any]:
    return {"type": next(iter(types)) if len(types) == 1 else sorted(types) or "string"}


def _walk(data: Any, way: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield what stands in objects, and in lists of custom fields by their names, but what is null."""
    if len(way) >= MAX_DEPTH:
        return
    if isinstance(data, dict):
        for key, value in data.items():
            if value is not None:
                yield (*way, key), value
                yield from _walk(value, (*way, key))
    elif isinstance(data, list):
        for entry in data[:MAX_ENTRIES]:
            if name := field_name(entry):
                yield from _walk({key: entry[key] for key in VALUES if key in entry}, (*way, name))
