from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from rest_framework.exceptions import NotFound, ValidationError

from field_mappings.models import FieldMapping, TargetField
from linked_accounts import audit
from linked_accounts.models import LinkedAccount
from linked_accounts.signals import account_reshaped


@transaction.atomic
def create_mapping(
    account: LinkedAccount,
    *,
    common_model: str,
    name: str,
    description: str,
    request: HttpRequest | None = None,
    **place: Any,
) -> FieldMapping:
    """Map a target field of an account: the organization's of that name, or else one of its own.

    Raises ValidationError if the account maps it already, NotFound if it was removed just now.
    """
    _hold(account)
    targets = TargetField.objects.filter(organization=account.organization_id, common_model=common_model, name=name)
    target = targets.filter(linked_account=None).first() or targets.filter(linked_account=account).first()
    if target is None:
        target = TargetField.objects.create(
            organization_id=account.organization_id,
            linked_account=account,
            common_model=common_model,
            name=name,
            description=description,
        )
    elif target.mappings.filter(linked_account=account).exists():
        raise ValidationError({"target_field_name": [f"{common_model} has a mapping of this name already."]})
    mapping = FieldMapping.objects.create(
        target_field=target, linked_account=account, platform=account.platform, **place
    )
    _tell(account, "CREATED", mapping, request)
    return mapping


@transaction.atomic
def change_mapping(mapping: FieldMapping, *, request: HttpRequest | None = None, **place: Any) -> None:
    """Have a mapping of an account lead elsewhere. Raises NotFound if it was removed just now."""
    account = _account(mapping)
    _hold(account, mapping)
    for name, value in place.items():
        setattr(mapping, name, value)
    mapping.save()
    _tell(account, "CHANGED", mapping, request)


@transaction.atomic
def delete_mapping(mapping: FieldMapping, *, request: HttpRequest | None = None) -> None:
    """Remove a mapping of an account, and its target if that is the account's own. Raises NotFound as above."""
    account, target = _account(mapping), mapping.target_field
    _hold(account, mapping)
    FieldMapping.objects.filter(id=mapping.id).delete()
    if not target.is_organization_wide:
        TargetField.objects.filter(id=target.id).delete()
    _tell(account, "DELETED", mapping, request)


def reshape_accounts(organization_id: UUID, mappings: Iterable[FieldMapping]) -> None:
    """Have everything read anew that mappings of an organization are about. Call it in a transaction."""
    mappings = list(mappings)
    concerned = Q(platform__in=[one.platform for one in mappings if one.is_integration_wide])
    concerned |= Q(id__in=[one.linked_account_id for one in mappings if one.linked_account_id])
    for account in LinkedAccount.objects.present().filter(concerned, organization=organization_id):
        account_reshaped.send(LinkedAccount, account=account)


def _hold(account: LinkedAccount, mapping: FieldMapping | None = None) -> None:
    """Have other calls about the account's mappings wait for the end of the transaction.

    Raises NotFound if the account, or the mapping, was removed just now.
    """
    is_there = LinkedAccount.objects.select_for_update(no_key=True).present().filter(id=account.id).first() is not None
    if not is_there or (mapping and not FieldMapping.objects.filter(id=mapping.id).exists()):
        raise NotFound


def _account(mapping: FieldMapping) -> LinkedAccount:
    if mapping.linked_account is None:
        raise ValueError("An integration-wide mapping is not one account's.")
    return mapping.linked_account


def _tell(account: LinkedAccount, what: str, mapping: FieldMapping, request: HttpRequest | None) -> None:
    audit.record(
        account.organization_id,
        f"{what}_LINKED_ACCOUNT_FIELD_MAPPING",
        f"{mapping.target_field} of linked account {account.id}.",
        request=request,
    )
    account_reshaped.send(LinkedAccount, account=account)
