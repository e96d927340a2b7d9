from api.filters import ThroughFilter, UnifiedFilterSet
from interviews.models import ScheduledInterview


class ScheduledInterviewFilterSet(UnifiedFilterSet):
    job_id = ThroughFilter("job_id", means="application__job", help_text="Job of the interview's application.")

    class Meta:
        model = ScheduledInterview
        fields = ["application_id", "job_interview_stage_id", "organizer_id"]
