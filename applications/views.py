from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.absent import RefusesToCreate, RefusesToWrite, refusal
from api.pagination import one_page
from api.tenants import access
from api.viewsets import CreatableViewSet, UnifiedViewSet
from applications.filters import (
    ApplicationFilterSet,
    CandidateFilterSet,
    JobFilterSet,
    JobInterviewStageFilterSet,
    RejectReasonFilterSet,
)
from applications.models import Application, Candidate, Job, JobInterviewStage, RejectReason
from applications.serializers import (
    ApplicationSerializer,
    CandidateSerializer,
    JobInterviewStageSerializer,
    JobSerializer,
    RejectReasonSerializer,
)


class ApplicationViewSet(RefusesToCreate, CreatableViewSet):
    """Candidates' applications for jobs."""

    queryset = Application.objects.all()
    serializer_class = ApplicationSerializer
    filterset_class = ApplicationFilterSet

    @extend_schema(exclude=True)
    @action(detail=True, methods=["post"], url_path="change-stage")
    def change_stage(self, request: Request, pk: str) -> Response:
        self.retrieve(request, pk)  # which is found, or else not
        return refusal(access(request).verify())


class JobInterviewStageViewSet(UnifiedViewSet):
    """The steps of hiring processes."""

    queryset = JobInterviewStage.objects.all()
    serializer_class = JobInterviewStageSerializer
    filterset_class = JobInterviewStageFilterSet


class CandidateViewSet(RefusesToWrite, UnifiedViewSet):
    """People who apply, as far as applications tell of them."""

    queryset = Candidate.objects.all()
    serializer_class = CandidateSerializer
    filterset_class = CandidateFilterSet


class JobViewSet(UnifiedViewSet):
    """Openings, as far as applications and stages tell of them."""

    queryset = Job.objects.all()
    serializer_class = JobSerializer
    filterset_class = JobFilterSet

    @extend_schema(exclude=True)
    @action(detail=True, url_path="screening-questions")
    def screening_questions(self, request: Request, pk: str) -> Response:
        access(request).verify()
        return Response(one_page([], request))


class RejectReasonViewSet(UnifiedViewSet):
    """Why applications were rejected."""

    queryset = RejectReason.objects.all()
    serializer_class = RejectReasonSerializer
    filterset_class = RejectReasonFilterSet
