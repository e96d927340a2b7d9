import json
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import models


@lru_cache(maxsize=2)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def cipher() -> MultiFernet:
    """Return what encrypts with the newest of CREDENTIAL_KEYS and decrypts with any of them."""
    return _cipher(tuple(settings.CREDENTIAL_KEYS))


class EncryptedJSONField(models.BinaryField):  # type: ignore[type-arg]
    """A JSON value that the database only ever sees encrypted. Reading raises InvalidToken if no key fits."""

    def get_prep_value(self, value: Any) -> bytes | None:
        return None if value is None else cipher().encrypt(json.dumps(value).encode())

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return None if value is None else json.loads(cipher().decrypt(bytes(value)))
