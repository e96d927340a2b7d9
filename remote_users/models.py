from django.db import models
from django.db.models.functions import Left, Upper

from unified.models import (
    RemoteData,
    UnifiedModel,
    list_indexes,
    newest_index,
    record_key,
    unified_constraints,
    words_index,
)
from unified.search import INDEXED_LENGTH


class RemoteUser(UnifiedModel):
    """A person with an account at the platform: recruiter, interviewer, administrator."""

    first_name = models.TextField(null=True)
    last_name = models.TextField(null=True)
    email = models.TextField(null=True)
    disabled = models.BooleanField(null=True, help_text="Whether the account was deactivated.")
    remote_created_at = models.DateTimeField(null=True, help_text="When it was created at the platform.")
    # Not a closed set: a role that only the platform knows passes through unchanged.
    access_role = models.TextField(
        null=True,
        help_text="SUPER_ADMIN, ADMIN, TEAM_MEMBER, LIMITED_TEAM_MEMBER, INTERVIEWER, or the platform's own word.",
    )
    remote_access_role = models.TextField(null=True, help_text="The role in the platform's words.")

    class Meta:
        constraints = unified_constraints("user")
        indexes = [
            *list_indexes("user"),
            newest_index("user"),
            words_index("user", "first_name", "last_name", "email"),
            models.Index(
                "linked_account",
                Upper(Left("email", INDEXED_LENGTH)),
                "created_at",
                "id",
                "modified_at",
                name="user_email",
            ),
        ]

    def __str__(self) -> str:
        return " ".join(filter(None, [self.first_name, self.last_name])) or self.email or super().__str__()


class RemoteUserRemoteData(RemoteData):
    record = record_key(RemoteUser)
