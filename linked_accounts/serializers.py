"""What the API tells of linked accounts. None of it is a secret."""

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from connectors.base import Connector
from connectors.creation import Creation
from linked_accounts.models import AccountType, LinkedAccount

CATEGORY = "ats"
OPEN_OBJECT = {"type": "object", "additionalProperties": True}


class PlatformSerializer(serializers.Serializer[type[Connector]]):
    """What all answers about a platform have in common."""

    name = serializers.CharField()
    categories = serializers.SerializerMethodField()
    image = serializers.SerializerMethodField()
    square_image = serializers.SerializerMethodField()
    color = serializers.CharField()
    slug = serializers.CharField()

    def get_categories(self, connector: type[Connector]) -> list[str]:
        return [CATEGORY]

    @extend_schema_field({"type": ["string", "null"]})
    def get_image(self, connector: type[Connector]) -> None:
        return None

    get_square_image = get_image


class IntegrationSerializer(PlatformSerializer):
    """A platform."""

    abbreviated_name = serializers.CharField(source="name")
    api_endpoints_to_documentation_urls = serializers.SerializerMethodField()
    webhook_setup_guide_url = serializers.SerializerMethodField()
    category_beta_status = serializers.SerializerMethodField()

    get_webhook_setup_guide_url = PlatformSerializer.get_image

    @extend_schema_field(OPEN_OBJECT)
    def get_api_endpoints_to_documentation_urls(self, connector: type[Connector]) -> dict[str, Any]:
        return {}

    get_category_beta_status = get_api_endpoints_to_documentation_urls


class ModelOperationSerializer(serializers.Serializer[Any]):
    model_name = serializers.CharField()
    available_operations = serializers.ListField(child=serializers.CharField())
    required_post_parameters = serializers.ListField(child=serializers.CharField())
    supported_fields = serializers.ListField(child=serializers.CharField())


def model_operations(connector: type[Connector]) -> list[dict[str, Any]]:
    """Return what the platform offers for each unified model."""
    return [
        {
            "model_name": model_name,
            "available_operations": ["FETCH", "CREATE"] if model_name in connector.creations else ["FETCH"],
            "required_post_parameters": _required(connector.creations.get(model_name)),
            "supported_fields": sorted(support.fields),
        }
        for model_name, support in sorted(connector.models.items())
    ]


def _required(creation: Creation | None) -> list[str]:
    if creation is None:
        return []
    parameters = [f"integration_params.{one.name}" for one in creation.integration_params if one.required]
    user = ["remote_user_id"] if creation.remote_user_id_required else []
    return [*user, *sorted(creation.required), *parameters]


class OperationsSerializer(serializers.Serializer[type[Connector]]):
    """What can be done with a platform."""

    passthrough_available = serializers.BooleanField(default=False)
    available_model_operations = serializers.SerializerMethodField()

    @extend_schema_field(ModelOperationSerializer(many=True))
    def get_available_model_operations(self, connector: type[Connector]) -> list[dict[str, Any]]:
        return model_operations(connector)


@extend_schema_serializer(many=False)
class AvailableActionsSerializer(OperationsSerializer):
    integration = IntegrationSerializer(source="*")


class AccountSerializer(serializers.ModelSerializer[LinkedAccount]):
    """What all answers about a linked account have in common."""

    category = serializers.SerializerMethodField()
    is_duplicate = serializers.SerializerMethodField()

    def get_category(self, account: LinkedAccount) -> str:
        return CATEGORY

    @extend_schema_field({"type": ["boolean", "null"]})
    def get_is_duplicate(self, account: LinkedAccount) -> bool | None:
        # The database allows one account for each origin id, so none is ever a duplicate.
        return None if account.account_type == AccountType.TEST else False


@extend_schema_serializer(many=False)
class AccountDetailsSerializer(AccountSerializer):
    integration = serializers.CharField(source="integration_name")
    integration_slug = serializers.CharField(source="platform")
    instance_id = serializers.SerializerMethodField()
    instance_display_value = serializers.SerializerMethodField()

    class Meta:
        model = LinkedAccount
        fields = [
            "id",
            "integration",
            "integration_slug",
            "category",
            "end_user_origin_id",
            "end_user_organization_name",
            "end_user_email_address",
            "status",
            "webhook_listener_url",
            "is_duplicate",
            "account_type",
            "completed_at",
            "instance_id",
            "instance_display_value",
        ]

    @extend_schema_field({"type": ["string", "null"]})
    def get_instance_id(self, account: LinkedAccount) -> None:
        return None

    get_instance_display_value = get_instance_id


class AccountIntegrationSerializer(OperationsSerializer, PlatformSerializer):
    """A platform as the list of linked accounts shows it."""


class LinkedAccountSerializer(AccountSerializer):
    integration = AccountIntegrationSerializer(source="connector_class")
    subdomain = serializers.SerializerMethodField()
    integration_specific_fields = serializers.SerializerMethodField()

    class Meta:
        model = LinkedAccount
        fields = [
            "id",
            "category",
            "status",
            "status_detail",
            "end_user_origin_id",
            "end_user_organization_name",
            "end_user_email_address",
            "subdomain",
            "webhook_listener_url",
            "is_duplicate",
            "integration",
            "account_type",
            "completed_at",
            "integration_specific_fields",
        ]

    @extend_schema_field({"type": ["string", "null"]})
    def get_subdomain(self, account: LinkedAccount) -> None:
        return None

    @extend_schema_field({"type": ["object", "null"], "additionalProperties": True})
    def get_integration_specific_fields(self, account: LinkedAccount) -> None:
        return None
