from typing import Any

from django.dispatch import receiver

from linked_accounts.models import LinkedAccount
from linked_accounts.signals import account_deleted, housekeeping
from linking.models import LinkToken, PublicToken
from linking.services import forget_old_tokens


@receiver(account_deleted)
def forget_tokens_of(account: LinkedAccount, **about: Any) -> None:
    """Forget what was noted of the customer who was asked to link, and who could ask for the account's token."""
    LinkToken.objects.filter(
        organization=account.organization_id,
        account_type=account.account_type,
        end_user_origin_id=account.end_user_origin_id,
    ).delete()
    PublicToken.objects.filter(linked_account=account).delete()


@receiver(housekeeping)
def forget_tokens(**about: Any) -> None:
    forget_old_tokens()
