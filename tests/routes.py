"""What every list of a unified model must pass is parametrised over these."""

from typing import Any, NamedTuple

from tests import factories


class Route(NamedTuple):
    path: str
    factory: Any
    expand: str = ""


ROUTES = [
    Route("interviews", factories.ScheduledInterviewFactory, "application,interviewers,job_interview_stage,organizer"),
    Route(
        "applications",
        factories.ApplicationFactory,
        "candidate,credited_to,current_stage,job,offers,reject_reason,screening_question_answers.question",
    ),
    Route("job-interview-stages", factories.JobInterviewStageFactory, "job"),
    Route("users", factories.RemoteUserFactory),
    Route("candidates", factories.CandidateFactory),
    Route("jobs", factories.JobFactory),
    Route("reject-reasons", factories.RejectReasonFactory),
]
