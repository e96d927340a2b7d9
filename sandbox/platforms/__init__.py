"""Finds the simulated platforms by folder: each module here names its simulator in `SIMULATOR`."""

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import ClassVar, Protocol

from sandbox.company import Company
from sandbox.server import Simulator


class PlatformSimulator(Simulator, Protocol):
    """A platform that tells about an invented company, to whoever comes with its `credentials`.

    Clients find it at the server's address with `base_path` appended, such as "/v1".
    """

    base_path: ClassVar[str]

    def __init__(self, company: Company) -> None: ...

    @property
    def credentials(self) -> Mapping[str, str]: ...


def simulators() -> dict[str, type[PlatformSimulator]]:
    """Return the simulators by slug, in order of their slugs."""
    names = sorted(entry.name for entry in pkgutil.iter_modules(__path__))
    return {name: import_module(f"{__name__}.{name}").SIMULATOR for name in names}
