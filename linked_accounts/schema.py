"""How callers prove themselves, for the OpenAPI document."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema


class HeadersExtension(OpenApiAuthenticationExtension):
    """Names what an operation needs; SPECTACULAR_SETTINGS says what the names mean, once for both classes."""

    target_class = "linked_accounts.authentication.ApiKeyAuthentication"
    match_subclasses = True
    name: list[str] = []

    def get_security_requirement(self, auto_schema: AutoSchema) -> dict[str, list[Any]]:
        return {"ApiKey": []} | ({"AccountToken": []} if self.target.needs_account_token else {})

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        return []
