from drf_spectacular.utils import extend_schema_serializer

from api.schema import record_example
from api.serializers import UnifiedModelSerializer, unified_fields
from remote_users.models import RemoteUser


@extend_schema_serializer(
    examples=[
        record_example(
            first_name="Mei",
            last_name="Tanaka",
            email="mei.tanaka@example.com",
            disabled=False,
            remote_created_at="2023-02-14T09:30:00Z",
            access_role="SUPER_ADMIN",
        )
    ]
)
class RemoteUserSerializer(UnifiedModelSerializer):
    enum_origins = ("access_role",)

    class Meta:
        model = RemoteUser
        fields = unified_fields("first_name", "last_name", "email", "disabled", "remote_created_at", "access_role")
