from api.viewsets import CreatableViewSet
from interviews.filters import ScheduledInterviewFilterSet
from interviews.models import ScheduledInterview
from interviews.serializers import ScheduledInterviewSerializer


class ScheduledInterviewViewSet(CreatableViewSet):
    """Interviews booked for applications."""

    queryset = ScheduledInterview.objects.all()
    serializer_class = ScheduledInterviewSerializer
    filterset_class = ScheduledInterviewFilterSet
