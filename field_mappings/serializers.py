from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.problems import WriteSerializer
from field_mappings.models import MODELS
from field_mappings.values import check_jmes_path

METHODS = ("GET", "POST")
MAX_POSITION = 9999


@extend_schema_field({"type": ["string", "integer"], "maxLength": 255, "minimum": 0, "maximum": MAX_POSITION})
class StepField(serializers.Field[Any, Any, Any, Any]):
    """A key, the name of a custom field in a list of them, or a position in a list."""

    text = serializers.CharField(max_length=255, allow_blank=True, trim_whitespace=False)

    def to_internal_value(self, data: Any) -> str | int:
        if isinstance(data, str):
            step: str = self.text.run_validation(data)
            return step
        if isinstance(data, int) and not isinstance(data, bool) and 0 <= data <= MAX_POSITION:
            return data
        raise serializers.ValidationError("Takes keys, which are text, and positions, which are whole numbers.")

    def to_representation(self, value: Any) -> Any:
        return value


class TraversalPathField(serializers.ListField):
    """The way to a value."""

    child = StepField()


class PlaceSerializer(serializers.Serializer[Any]):
    """Where a value stands in the originals. `GET /remote-fields` tells what there is."""

    remote_field_traversal_path = TraversalPathField(
        source="traversal_path", required=False, allow_empty=False, max_length=20
    )
    remote_method = serializers.ChoiceField(source="method", choices=METHODS, required=False)
    remote_url_path = serializers.CharField(source="url_path", required=False, max_length=500)
    jmes_path = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=2000)

    def validate_jmes_path(self, value: str | None) -> str | None:
        if not value:
            return None
        try:
            check_jmes_path(value)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error
        return value


class FieldMappingRequestSerializer(PlaceSerializer):
    target_field_name = serializers.CharField(source="name", max_length=255)
    target_field_description = serializers.CharField(
        source="description", required=False, allow_blank=True, default="", max_length=2000
    )
    remote_field_traversal_path = TraversalPathField(source="traversal_path", allow_empty=False, max_length=20)
    remote_method = serializers.ChoiceField(source="method", choices=METHODS)
    remote_url_path = serializers.CharField(source="url_path", max_length=500)
    common_model_name = serializers.ChoiceField(source="common_model", choices=MODELS)


class EndpointSerializer(serializers.Serializer[Any]):
    method = serializers.CharField()
    url_path = serializers.CharField()
    field_traversal_path = serializers.ListField(child=serializers.JSONField())


class MappedRemoteFieldSerializer(serializers.Serializer[Any]):
    remote_key_name = serializers.CharField(allow_null=True)
    schema = serializers.DictField(allow_null=True)
    remote_endpoint_info = EndpointSerializer()


class MappedTargetFieldSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    description = serializers.CharField()
    is_organization_wide = serializers.BooleanField()


class FieldMappingSerializer(serializers.Serializer[Any]):
    """Where the value of a target field stands in the platform's originals."""

    id = serializers.UUIDField()
    is_integration_wide = serializers.BooleanField()
    target_field = MappedTargetFieldSerializer()
    remote_field = MappedRemoteFieldSerializer()
    jmes_path = serializers.CharField(allow_null=True)


class FieldMappingResponseSerializer(WriteSerializer):
    model = FieldMappingSerializer()


class FieldMappingsSerializer(serializers.Serializer[Any]):
    """The mappings of each model, by its name."""

    Application = FieldMappingSerializer(many=True)
    JobInterviewStage = FieldMappingSerializer(many=True)
    RemoteUser = FieldMappingSerializer(many=True)
    ScheduledInterview = FieldMappingSerializer(many=True)


class RemoteFieldSerializer(serializers.Serializer[Any]):
    """A field of the platform's. `coverage`: in how many of the latest originals it holds something, 0 to 1."""

    schema = serializers.DictField()
    remote_key_name = serializers.CharField()
    remote_endpoint_info = EndpointSerializer()
    example_values = serializers.ListField(child=serializers.JSONField())
    advanced_metadata = serializers.DictField(allow_null=True)
    coverage = serializers.FloatField()


class RemoteFieldsSerializer(serializers.Serializer[Any]):
    """The fields of each model's originals, by its name."""

    Application = RemoteFieldSerializer(many=True, required=False)
    JobInterviewStage = RemoteFieldSerializer(many=True, required=False)
    RemoteUser = RemoteFieldSerializer(many=True, required=False)
    ScheduledInterview = RemoteFieldSerializer(many=True, required=False)


class TargetFieldSerializer(serializers.Serializer[Any]):
    """A target field of the organization's. `is_mapped` is text: true or false."""

    name = serializers.CharField()
    description = serializers.CharField()
    is_mapped = serializers.CharField()


class TargetFieldsSerializer(serializers.Serializer[Any]):
    """The organization's target fields of each model, by its name."""

    Application = TargetFieldSerializer(many=True)
    JobInterviewStage = TargetFieldSerializer(many=True)
    RemoteUser = TargetFieldSerializer(many=True)
    ScheduledInterview = TargetFieldSerializer(many=True)
