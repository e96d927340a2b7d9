from api.viewsets import UnifiedViewSet
from interviews.filters import ScheduledInterviewFilterSet
from interviews.models import ScheduledInterview
from interviews.serializers import ScheduledInterviewSerializer


class ScheduledInterviewViewSet(UnifiedViewSet):
    """Interviews booked for applications."""

    queryset = ScheduledInterview.objects.all()
    serializer_class = ScheduledInterviewSerializer
    filterset_class = ScheduledInterviewFilterSet
