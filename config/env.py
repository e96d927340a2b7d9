"""What the environment says: plain settings, secrets from files, secrets made on first use."""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

env = environ.FileAwareEnv()  # NAME_FILE in place of NAME: the value is read from that file


def secret(name: str, *, make: Callable[[], str], keep_under: Path | None) -> str:
    """Return the secret `name` from the environment, else the one kept in `keep_under`, which is made on first use.

    Raises ImproperlyConfigured when the environment lacks it and `keep_under` is None.
    """
    if value := str(env.str(name, default="")).strip():
        return value
    if keep_under is None:
        raise ImproperlyConfigured(
            f"{name} is not set. With DATABASE_URL set, Interloop makes no secrets of its own: "
            f"set {name}, or {name}_FILE to the path of a file that holds it."
        )
    path = keep_under / name.lower()
    if not path.exists():
        keep_under.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=keep_under) as file:  # readable by its owner only
            file.write(make())
            file.flush()
            with suppress(FileExistsError):  # another process was first: its secret counts
                os.link(file.name, path)
    if value := path.read_text().strip():
        return value
    raise ImproperlyConfigured(f"{path} is empty. Remove it to have a new {name} made, or set {name}.")


def make_secret_key() -> str:
    return secrets.token_urlsafe(50)


def make_credential_key() -> str:
    return Fernet.generate_key().decode()
