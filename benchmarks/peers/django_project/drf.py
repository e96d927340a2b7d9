"""The list by stock Django REST framework, as its documentation has it. Also the URLs of its server."""

from typing import Any

from django.urls import include, path
from django_filters import rest_framework as filters
from rest_framework import pagination, routers, serializers, viewsets

from django_project.models import (
    Application,
    JobInterviewStage,
    RemoteUser,
    ScheduledInterview,
    listed,
)


def unified_fields(*own: str) -> list[str]:
    common = ["id", "remote_id", "created_at", "modified_at"]
    return [*common, *own, "remote_was_deleted", "field_mappings", "remote_data"]


class RemoteUserSerializer(serializers.ModelSerializer[RemoteUser]):
    remote_data = serializers.ReadOnlyField(default=None)

    class Meta:
        model = RemoteUser
        fields = unified_fields("first_name", "last_name", "email", "disabled", "remote_created_at", "access_role")


class JobInterviewStageSerializer(serializers.ModelSerializer[JobInterviewStage]):
    remote_data = serializers.ReadOnlyField(default=None)

    class Meta:
        model = JobInterviewStage
        fields = unified_fields("name", "job", "stage_order")


class ApplicationSerializer(serializers.ModelSerializer[Application]):
    remote_data = serializers.ReadOnlyField(default=None)

    class Meta:
        model = Application
        fields = unified_fields(
            *("candidate", "job", "applied_at", "rejected_at", "offers", "source", "credited_to"),
            *("screening_question_answers", "current_stage", "reject_reason"),
        )


class ScheduledInterviewSerializer(serializers.ModelSerializer[ScheduledInterview]):
    remote_data = serializers.ReadOnlyField(default=None)

    class Meta:
        model = ScheduledInterview
        fields = unified_fields(
            *("application", "job_interview_stage", "organizer", "interviewers", "location", "start_at", "end_at"),
            *("remote_created_at", "remote_updated_at", "status"),
        )

    def to_representation(self, instance: ScheduledInterview) -> dict[str, Any]:
        result = super().to_representation(instance)
        if self.context["request"].query_params.get("show_enum_origins") == "status":
            result["status"] = instance.remote_status or instance.status
        return result


class WithRemoteData(ScheduledInterviewSerializer):
    remote_data = serializers.ReadOnlyField(source="stored_remote_data.entries")


class Expanded(ScheduledInterviewSerializer):
    application = ApplicationSerializer()
    job_interview_stage = JobInterviewStageSerializer()
    organizer = RemoteUserSerializer()
    interviewers = RemoteUserSerializer(many=True)


class ScheduledInterviewFilterSet(filters.FilterSet):
    modified_after = filters.IsoDateTimeFilter("modified_at", "gte")
    created_after = filters.IsoDateTimeFilter("created_at", "gte")
    job_interview_stage_id = filters.UUIDFilter("job_interview_stage_id")

    class Meta:
        model = ScheduledInterview
        fields = ["remote_id"]


class Pages(pagination.CursorPagination):
    ordering = ("created_at", "id")
    page_size_query_param = "page_size"
    page_size = 30
    max_page_size = 100


class ScheduledInterviewViewSet(viewsets.ModelViewSet[ScheduledInterview]):
    pagination_class = Pages
    filterset_class = ScheduledInterviewFilterSet

    def get_queryset(self) -> Any:
        account: Any = self.request.auth
        rows = listed(account)
        if self.action == "list":
            rows = rows.filter(remote_was_deleted=False, is_shell=False)
        if self.get_serializer_class() is Expanded:
            rows = rows.select_related("application", "job_interview_stage", "organizer")
        elif self.get_serializer_class() is WithRemoteData:
            rows = rows.select_related("stored_remote_data")
        return rows

    def get_serializer_class(self) -> Any:
        if "expand" in self.request.query_params:
            return Expanded
        return WithRemoteData if "include_remote_data" in self.request.query_params else ScheduledInterviewSerializer


router = routers.SimpleRouter(trailing_slash=False)
router.register("interviews", ScheduledInterviewViewSet, basename="interview")
urlpatterns = [path("api/ats/v1/", include(router.urls))]
