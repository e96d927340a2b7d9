"""What the API tells of linked accounts. None of it is a secret."""

from collections.abc import Callable
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from connectors.base import Connector
from connectors.creation import Creation
from linked_accounts import scopes
from linked_accounts.models import AccountType, AuditEvent, LinkedAccount, WebhookReceiver

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

    passthrough_available = serializers.SerializerMethodField()
    available_model_operations = serializers.SerializerMethodField()

    def get_passthrough_available(self, connector: type[Connector]) -> bool:
        return True

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


class SwitchSerializer(serializers.Serializer[Any]):
    is_enabled = serializers.BooleanField(required=False, allow_null=True)


class ModelPermissionsSerializer(serializers.Serializer[Any]):
    READ = SwitchSerializer(required=False, allow_null=True)
    WRITE = SwitchSerializer(required=False, allow_null=True)


class FieldPermissionsSerializer(serializers.Serializer[Any]):
    """Fields that are not named are enabled, unless only enabled ones are."""

    enabled_fields = serializers.ListField(child=serializers.CharField(), required=False, allow_null=True)
    disabled_fields = serializers.ListField(child=serializers.CharField(), required=False, allow_null=True)


class ModelScopeSerializer(serializers.Serializer[Any]):
    """What may be read and written of one model."""

    model_name = serializers.ChoiceField(choices=())
    model_permissions = ModelPermissionsSerializer(required=False, allow_null=True)
    field_permissions = FieldPermissionsSerializer(required=False, allow_null=True)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["model_name"] = serializers.ChoiceField(choices=list(scopes.model_fields()))


@extend_schema_serializer(many=False)
class ScopesSerializer(serializers.Serializer[Any]):
    """Scopes of all models, or those to change."""

    common_models = ModelScopeSerializer(many=True)

    def validate_common_models(self, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if problems := scopes.problems(stored_scopes(value)):
            raise serializers.ValidationError(problems)
        return value


def stored_scopes(common_models: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return scopes as they are stored, from what a caller sent and `ScopesSerializer` has validated."""
    return {one["model_name"]: _stored_scope(one) for one in common_models}


def _stored_scope(given: dict[str, Any]) -> dict[str, Any]:
    switches = given.get("model_permissions") or {}
    fields = given.get("field_permissions") or {}
    known = scopes.model_fields()[given["model_name"]]
    disabled = fields.get("disabled_fields")
    if disabled is None and fields.get("enabled_fields"):
        unknown = [name for name in fields["enabled_fields"] if name not in known]
        enabled = {*fields["enabled_fields"], *scopes.ALWAYS_ENABLED}
        disabled = [*unknown, *(name for name in known if name not in enabled)]
    return {
        "read": _is_on(switches.get("READ")),
        "write": _is_on(switches.get("WRITE")),
        "disabled_fields": disabled or [],
    }


def _is_on(switch: dict[str, Any] | None) -> bool:
    """Whether something is enabled, which it is unless somebody says that it is not."""
    return (switch or {}).get("is_enabled") is not False


def shown_scopes(permissions: Callable[[str], scopes.Permissions]) -> dict[str, Any]:
    """Return the scopes of all models as the API answers with them."""
    return {
        "common_models": [
            {
                "model_name": model_name,
                "model_permissions": {
                    "READ": {"is_enabled": permissions(model_name).can_read},
                    "WRITE": {"is_enabled": permissions(model_name).can_write},
                },
                "field_permissions": {
                    "enabled_fields": [name for name in fields if name not in permissions(model_name).disabled_fields],
                    "disabled_fields": [name for name in fields if name in permissions(model_name).disabled_fields],
                },
            }
            for model_name, fields in scopes.model_fields().items()
        ]
    }


@extend_schema_serializer(many=False)
class AccountTokenSerializer(serializers.Serializer[Any]):
    linked_account_id = serializers.UUIDField()
    account_token = serializers.CharField()


class KeyNameSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=255)


class KeySerializer(KeyNameSerializer):
    """A key, which is shown only now."""

    key = serializers.CharField()


class AuditEventSerializer(serializers.ModelSerializer[AuditEvent]):
    """Something that somebody did."""

    class Meta:
        model = AuditEvent
        fields = [
            "id",
            "user_name",
            "user_email",
            "role",
            "ip_address",
            "event_type",
            "event_description",
            "created_at",
        ]


class WebhookReceiverSerializer(serializers.ModelSerializer[WebhookReceiver]):
    """What the platform may tell of the account by webhook. `key` is the secret that it signs with."""

    event = serializers.CharField(max_length=255)
    key = serializers.CharField(max_length=1000, required=False, allow_null=True, trim_whitespace=False)

    class Meta:
        model = WebhookReceiver
        fields = ["event", "is_active", "key"]
        extra_kwargs: ClassVar[dict[str, Any]] = {"is_active": {"required": True}}


class ConditionSerializer(serializers.Serializer[Any]):
    """A condition of selective sync: there are none yet."""

    id = serializers.UUIDField()
    common_model = serializers.CharField()
    normalized_key_name = serializers.CharField()
    remote_key_name = serializers.CharField()
    operator = serializers.CharField()
    value = serializers.JSONField()


class ConditionsSerializer(serializers.Serializer[Any]):
    results = ConditionSerializer(many=True)
