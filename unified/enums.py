"""The closed part of the API's vocabulary. Columns hold any text:
what only a platform knows passes through unchanged.
"""

from django.db.models import TextChoices


class InterviewStatus(TextChoices):
    SCHEDULED = "SCHEDULED"
    AWAITING_FEEDBACK = "AWAITING_FEEDBACK"
    COMPLETE = "COMPLETE"


class AccessRole(TextChoices):
    SUPER_ADMIN = "SUPER_ADMIN"
    ADMIN = "ADMIN"
    TEAM_MEMBER = "TEAM_MEMBER"
    LIMITED_TEAM_MEMBER = "LIMITED_TEAM_MEMBER"
    INTERVIEWER = "INTERVIEWER"
