"""Notes who did what, for `/audit-trail` (wire contract, section 5)."""

from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest

from linked_accounts.models import AuditEvent


def record(
    organization_id: UUID,
    event_type: str,
    description: str,
    *,
    request: HttpRequest | None = None,
    user: AbstractBaseUser | AnonymousUser | None = None,
) -> AuditEvent:
    """Note an event: of a person of the admin site if `user` is given, else of the API's caller, else of the system.

    Goes into the caller's transaction. `description` is for people and holds no secret.
    """
    role = AuditEvent.Role.ADMIN if user else AuditEvent.Role.API if request else AuditEvent.Role.SYSTEM
    return AuditEvent.objects.create(
        organization_id=organization_id,
        event_type=event_type,
        event_description=description,
        role=role,
        user_name=user.get_username() if user else None,
        user_email=getattr(user, "email", None) or None,
        ip_address=request.META.get("REMOTE_ADDR") if request else None,
    )
