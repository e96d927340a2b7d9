from typing import Any

from django.db import models
from psycopg.types.json import Json


class JSONTextField(models.JSONField):
    """JSON kept as the text that was written (PostgreSQL's `json`): it is handed on as it is and never searched.

    Printing `jsonb` costs several times as much as copying text (docs/adr/0003-raw-payloads-apart.md).
    """

    def db_type(self, connection: Any) -> str:
        return "json"

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return None if value is None else Json(value)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return value  # psycopg has parsed it
