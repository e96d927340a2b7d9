from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.utils import timezone

from linked_accounts import audit
from linked_accounts.models import Organization
from webhooks.events import PING
from webhooks.models import Delivery, Hook, SigningKey
from webhooks.outbox import body


def ping(hook: Hook) -> Delivery:
    """Have a test event sent to a target, whatever it listens to."""
    data = {"message": "This is a test of your webhook.", "sent_at": timezone.now()}
    return Delivery.objects.create(
        hook=hook, linked_account_id=hook.organization_id, event=PING, body=body(hook, {}, PING, data)
    )


@transaction.atomic
def delete_hook(hook: Hook, *, user: AbstractBaseUser | AnonymousUser | None = None) -> None:
    """Remove a target, with all that was or is to be sent there."""
    audit.record(hook.organization_id, "DELETED_DESTINATION", f"Webhook to {hook.target}.", user=user)
    # Deliveries first, as workers lock them in that order.
    hook.deliveries.all().forget()
    hook.delete()


@transaction.atomic
def rotate_signing_key(organization: Organization) -> SigningKey:
    """Return a new signing key. The one before it signs beside it for a week."""
    key = SigningKey.rotate(organization)
    audit.record(organization.id, "REGENERATED_WEBHOOK_SIGNATURE", "A new key signs webhooks.")
    return key
