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


class ApplicationViewSet(CreatableViewSet):
    """Candidates' applications for jobs."""

    queryset = Application.objects.all()
    serializer_class = ApplicationSerializer
    filterset_class = ApplicationFilterSet


class JobInterviewStageViewSet(UnifiedViewSet):
    """The steps of hiring processes."""

    queryset = JobInterviewStage.objects.all()
    serializer_class = JobInterviewStageSerializer
    filterset_class = JobInterviewStageFilterSet


class CandidateViewSet(UnifiedViewSet):
    """People who apply, as far as applications tell of them."""

    queryset = Candidate.objects.all()
    serializer_class = CandidateSerializer
    filterset_class = CandidateFilterSet


class JobViewSet(UnifiedViewSet):
    """Openings, as far as applications and stages tell of them."""

    queryset = Job.objects.all()
    serializer_class = JobSerializer
    filterset_class = JobFilterSet


class RejectReasonViewSet(UnifiedViewSet):
    """Why applications were rejected."""

    queryset = RejectReason.objects.all()
    serializer_class = RejectReasonSerializer
    filterset_class = RejectReasonFilterSet
