from typing import Any

from django.dispatch import receiver

from field_mappings.models import FieldMapping, TargetField
from linked_accounts.models import LinkedAccount
from linked_accounts.signals import account_deleted


@receiver(account_deleted)
def forget_mappings(account: LinkedAccount, **about: Any) -> None:
    FieldMapping.objects.filter(linked_account=account).delete()
    TargetField.objects.filter(linked_account=account).delete()
