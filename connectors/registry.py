"""Finds the platforms by folder: each package below `connectors/platforms` names its connector in `CONNECTOR`."""

import pkgutil
from functools import cache
from importlib import import_module

from connectors import platforms
from connectors.base import Connector


@cache
def connectors() -> dict[str, type[Connector]]:
    """Return the connector classes by slug, in order of their slugs."""
    found = (import_module(f"{platforms.__name__}.{entry.name}") for entry in pkgutil.iter_modules(platforms.__path__))
    return {module.CONNECTOR.slug: module.CONNECTOR for module in found}


def connector_class(slug: str) -> type[Connector]:
    """Raises KeyError for a platform that nobody connects to."""
    return connectors()[slug]


@cache
def stand_in(slug: str) -> type[Connector]:
    """Return a connector for a platform that nobody connects to any more: it lists nothing, and can do nothing."""
    return type(
        "NoConnector",
        (Connector,),
        {"slug": slug, "name": slug, "default_base_url": "", "credentials": (), "models": {}},
    )


def choices() -> list[tuple[str, str]]:
    return [(slug, connector.name) for slug, connector in connectors().items()]
