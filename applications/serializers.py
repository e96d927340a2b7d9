from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_serializer

from api.schema import record_example
from api.serializers import EmptyList, UnifiedModelSerializer, Unknown, unified_fields
from applications.models import Application, Candidate, Job, JobInterviewStage, RejectReason
from remote_users.serializers import RemoteUserSerializer


class CandidateSerializer(UnifiedModelSerializer):
    company = Unknown()
    title = Unknown()
    remote_created_at = Unknown(OpenApiTypes.DATETIME)
    remote_updated_at = Unknown(OpenApiTypes.DATETIME)
    last_interaction_at = Unknown(OpenApiTypes.DATETIME)
    is_private = Unknown(OpenApiTypes.BOOL)
    can_email = Unknown(OpenApiTypes.BOOL)
    locations = EmptyList()
    phone_numbers = EmptyList()
    email_addresses = EmptyList()
    urls = EmptyList()
    tags = EmptyList()
    applications = EmptyList()
    attachments = EmptyList()

    class Meta:
        model = Candidate
        fields = unified_fields(
            "first_name",
            "last_name",
            "company",
            "title",
            "remote_created_at",
            "remote_updated_at",
            "last_interaction_at",
            "is_private",
            "can_email",
            "locations",
            "phone_numbers",
            "email_addresses",
            "urls",
            "tags",
            "applications",
            "attachments",
        )


class JobSerializer(UnifiedModelSerializer):
    description = Unknown()
    code = Unknown()
    status = Unknown()
    type = Unknown()
    job_postings = EmptyList()
    job_posting_urls = EmptyList()
    remote_created_at = Unknown(OpenApiTypes.DATETIME)
    remote_updated_at = Unknown(OpenApiTypes.DATETIME)
    confidential = Unknown(OpenApiTypes.BOOL)
    departments = EmptyList()
    offices = EmptyList()
    hiring_managers = EmptyList()
    recruiters = EmptyList()

    class Meta:
        model = Job
        fields = unified_fields(
            "name",
            "description",
            "code",
            "status",
            "type",
            "job_postings",
            "job_posting_urls",
            "remote_created_at",
            "remote_updated_at",
            "confidential",
            "departments",
            "offices",
            "hiring_managers",
            "recruiters",
        )


class RejectReasonSerializer(UnifiedModelSerializer):
    class Meta:
        model = RejectReason
        fields = unified_fields("name")


@extend_schema_serializer(
    examples=[record_example(name="Recruiter Phone Screen", job="022a2bef-57e5-4def-8ed2-7c41bd9a5ed8", stage_order=1)]
)
class JobInterviewStageSerializer(UnifiedModelSerializer):
    expandable = {"job": JobSerializer}

    class Meta:
        model = JobInterviewStage
        fields = unified_fields("name", "job", "stage_order")


@extend_schema_serializer(
    examples=[
        record_example(
            candidate="2872ba14-4084-492b-be96-e5eee6fc33ef",
            job="022a2bef-57e5-4def-8ed2-7c41bd9a5ed8",
            applied_at="2026-03-26T20:11:39Z",
            rejected_at="2026-08-17T21:08:29.686000Z",
            offers=[],
            source="Referral",
            credited_to="58166795-8d68-4b30-9bfb-bfd402479484",
            screening_question_answers=[],
            current_stage="d578dfdc-7b0a-4ab6-a2b0-4b40f20eb9ea",
            reject_reason="59b25f2b-da02-40f5-9656-9fa0db555784",
        )
    ]
)
class ApplicationSerializer(UnifiedModelSerializer):
    expandable = {
        "candidate": CandidateSerializer,
        "credited_to": RemoteUserSerializer,
        "current_stage": JobInterviewStageSerializer,
        "job": JobSerializer,
        "offers": None,
        "reject_reason": RejectReasonSerializer,
        "screening_question_answers": None,
        "screening_question_answers.question": None,
    }

    offers = EmptyList()
    screening_question_answers = EmptyList()

    class Meta:
        model = Application
        fields = unified_fields(
            "candidate",
            "job",
            "applied_at",
            "rejected_at",
            "offers",
            "source",
            "credited_to",
            "screening_question_answers",
            "current_stage",
            "reject_reason",
        )
