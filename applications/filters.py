from api.filters import TextFilter, UnifiedFilterSet
from applications.models import Application, Candidate, Job, JobInterviewStage, RejectReason


class CandidateFilterSet(UnifiedFilterSet):
    class Meta:
        model = Candidate
        fields: list[str] = []


class JobFilterSet(UnifiedFilterSet):
    class Meta:
        model = Job
        fields: list[str] = []


class RejectReasonFilterSet(UnifiedFilterSet):
    class Meta:
        model = RejectReason
        fields: list[str] = []


class JobInterviewStageFilterSet(UnifiedFilterSet):
    class Meta:
        model = JobInterviewStage
        fields = ["job_id"]


class ApplicationFilterSet(UnifiedFilterSet):
    source = TextFilter("source", help_text="The whole text of the source.")

    class Meta:
        model = Application
        fields = ["candidate_id", "credited_to_id", "current_stage_id", "job_id", "reject_reason_id"]
