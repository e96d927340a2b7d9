from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from linked_accounts.models import LinkedAccount
from sync.models import Issue, ModelSync


class SyncStatusSerializer(serializers.ModelSerializer[ModelSync]):
    """Where the synchronisation of one model of the linked account stands."""

    model_id = serializers.SerializerMethodField()
    next_sync_start = serializers.SerializerMethodField()
    selective_sync_configurations_usage = serializers.SerializerMethodField()

    class Meta:
        model = ModelSync
        fields = [
            "model_name",
            "model_id",
            "last_sync_start",
            "next_sync_start",
            "last_sync_result",
            "last_sync_finished",
            "data_fresh_as_of",
            "historical_data_since",
            "status",
            "sync_status_reason",
            "is_initial_sync",
            "selective_sync_configurations_usage",
        ]

    def get_model_id(self, model_sync: ModelSync) -> str:
        return f"ats.{model_sync.model_name}"

    @extend_schema_field({"type": ["string", "null"], "format": "date-time"})
    def get_next_sync_start(self, model_sync: ModelSync) -> str | None:
        field = serializers.DateTimeField()
        return field.to_representation(at) if (at := self.context.get("next_sync_at")) else None

    @extend_schema_field({"type": ["string", "null"]})
    def get_selective_sync_configurations_usage(self, model_sync: ModelSync) -> None:
        return None


class EndUserSerializer(serializers.Serializer[LinkedAccount]):
    """The customer whose account it is."""

    linked_account_id = serializers.UUIDField(source="id")
    origin_id = serializers.CharField(source="end_user_origin_id")
    organization_name = serializers.CharField(source="end_user_organization_name")
    email_address = serializers.CharField(source="end_user_email_address")


class IssueSerializer(serializers.ModelSerializer[Issue]):
    """Trouble with a linked account that somebody has to look at."""

    end_user = EndUserSerializer(source="linked_account")
    error_details = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Issue
        fields = [
            "id",
            "status",
            "error_description",
            "end_user",
            "first_incident_time",
            "last_incident_time",
            "is_muted",
            "error_details",
        ]
