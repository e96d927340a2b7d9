from django_filters import UUIDFilter

from api.filters import UnifiedFilterSet
from interviews.models import ScheduledInterview


class ScheduledInterviewFilterSet(UnifiedFilterSet):
    job_id = UUIDFilter("application__job_id", help_text="Job of the interview's application.")

    class Meta:
        model = ScheduledInterview
        fields = ["application_id", "job_interview_stage_id", "organizer_id"]
