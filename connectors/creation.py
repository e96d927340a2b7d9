"""What it takes to create a record at a platform, declared once for whoever asks and for whoever enforces it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """Something of the platform's own that creating takes, beside the unified fields."""

    name: str
    description: str
    type: str = "string"  # a JSON Schema type
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """How a platform creates records of one unified model.

    `fields` are the unified fields that it takes, by name, each with what it means there; `choices` the values that it
    takes of an enum.
    """

    fields: Mapping[str, str]
    required: frozenset[str]
    choices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    integration_params: tuple[Parameter, ...] = ()
    remote_user_id_required: bool = False
