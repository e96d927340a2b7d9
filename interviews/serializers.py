from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from api.problems import WriteSerializer
from api.schema import record_example
from api.serializers import UnifiedModelSerializer, unified_fields
from applications.serializers import ApplicationSerializer, JobInterviewStageSerializer
from interviews.models import AsyncPost, ScheduledInterview
from remote_users.serializers import RemoteUserSerializer


@extend_schema_serializer(
    examples=[
        record_example(
            application="92e8a369-fffe-430d-b93a-f7e8a16563f1",
            job_interview_stage="2f7adb59-3fe6-4b5b-aef6-563f72bd13dc",
            organizer="52bf9b5e-0beb-4f6f-8a72-cd4dca7ca633",
            interviewers=["f9813dd5-e70b-484c-91d8-00acd6065b07", "89a86fcf-d540-4e6b-ac3d-ce07c4ec9b8d"],
            location="https://video.example.com/j/1200345",
            start_at="2026-12-03T08:30:00Z",
            end_at="2026-12-03T09:15:00Z",
            remote_created_at="2026-09-30T08:00:00Z",
            remote_updated_at="2026-09-30T08:00:01.500000Z",
            status="SCHEDULED",
        )
    ]
)
class ScheduledInterviewSerializer(UnifiedModelSerializer):
    expandable = {
        "application": ApplicationSerializer,
        "interviewers": RemoteUserSerializer,
        "job_interview_stage": JobInterviewStageSerializer,
        "organizer": RemoteUserSerializer,
    }
    enum_origins = ("status",)

    class Meta:
        model = ScheduledInterview
        fields = unified_fields(
            "application",
            "job_interview_stage",
            "organizer",
            "interviewers",
            "location",
            "start_at",
            "end_at",
            "remote_created_at",
            "remote_updated_at",
            "status",
        )


class InterviewDraftSerializer(serializers.Serializer[Any]):
    """What an interview is to be. `meta/post` tells which fields the platform takes and which it needs."""

    application = serializers.UUIDField(required=False)
    job_interview_stage = serializers.UUIDField(required=False)
    organizer = serializers.UUIDField(required=False)
    interviewers = serializers.ListField(child=serializers.UUIDField(), required=False)
    location = serializers.CharField(required=False)
    start_at = serializers.DateTimeField(required=False)
    end_at = serializers.DateTimeField(required=False)
    status = serializers.CharField(required=False)
    integration_params = serializers.DictField(required=False, help_text="The platform's own.")
    linked_account_params = serializers.DictField(required=False, help_text="The account's own: none so far.")


class InterviewCancellationSerializer(serializers.Serializer[Any]):
    remote_user_id = serializers.CharField(
        required=False, help_text="Who acts at the platform: the id of a user here, or the platform's own."
    )


class InterviewRequestSerializer(InterviewCancellationSerializer):
    model = InterviewDraftSerializer()


class InterviewResponseSerializer(WriteSerializer):
    """What became of a write. `model` is null where nothing was written."""

    model = ScheduledInterviewSerializer(allow_null=True)


class AsyncResultSerializer(serializers.Serializer[Any]):
    status_code = serializers.IntegerField()
    response = InterviewResponseSerializer()


class AsyncTaskSerializer(serializers.Serializer[AsyncPost]):
    """Where a request stands that was made with `run_async`. `result` is null until it is done."""

    status = serializers.ChoiceField(choices=AsyncPost.Status.choices)
    result = AsyncResultSerializer(allow_null=True)
