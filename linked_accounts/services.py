from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from connectors import registry
from linked_accounts.models import AccountType, ApiKey, LinkedAccount, Organization
from linked_accounts.signals import account_linked

DEFAULT_ORGANIZATION = "default"


def find_organization(*, name: str | None, create: bool = False) -> Organization:
    """Return the organization called `name`; without a name the only one there is.

    Makes one where there is none at all, and with `create` also one that is lacking. Raises ValidationError if it is
    lacking all the same, or if several could be meant.
    """
    known = list(Organization.objects.order_by("name"))
    if not known or (create and name is not None):
        return Organization.objects.get_or_create(name=name or DEFAULT_ORGANIZATION)[0]
    fitting = [organization for organization in known if name in (None, organization.name)]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(organization.name for organization in known)
    if fitting:
        raise ValidationError({"organization": f"There are several; name one of {names}."})
    raise ValidationError({"organization": f"There is none called {name}; there are {names}."})


def link_account(
    *,
    organization: Organization,
    platform: str,
    end_user_origin_id: str,
    end_user_organization_name: str,
    end_user_email_address: str,
    credentials: Mapping[str, str],
    base_url: str | None = None,
    is_test: bool = False,
    are_syncs_disabled: bool | None = None,
    scopes: Mapping[str, Any] | None = None,
) -> tuple[LinkedAccount, str | None]:
    """Link an account, or link the one of the same origin id anew, which keeps its id and its token.

    Returns it with its account token, which is None if the secret key has changed since the token was made: it then
    works as before and cannot be shown. `are_syncs_disabled` and `scopes` stay as they are where None. Raises
    ValidationError, by field, for all that is wrong; credentials are not tried out.
    """
    if platform not in registry.connectors():
        known = ", ".join(registry.connectors())
        raise ValidationError({"platform": f"There is no platform {platform}; there are {known}."})
    account_type = AccountType.TEST if is_test else AccountType.PRODUCTION
    with transaction.atomic():
        account = (
            LinkedAccount.objects.present()
            .select_for_update(no_key=True)
            .filter(organization=organization, account_type=account_type, end_user_origin_id=end_user_origin_id)
            .first()
        )
        is_new = account is None
        if account is None:
            account = LinkedAccount(
                organization=organization,
                platform=platform,
                account_type=account_type,
                end_user_origin_id=end_user_origin_id,
            )
            account.issue_token()
        elif account.platform != platform:
            raise ValidationError(
                {
                    "end_user_origin_id": f"{end_user_origin_id} is linked to {account.integration_name} already. An "
                    "account of another platform is another account: delete that one, or choose another origin id."
                }
            )
        account.end_user_organization_name = end_user_organization_name
        account.end_user_email_address = end_user_email_address
        if scopes is not None:
            account.scopes = dict(scopes)
            account.scopes_version += 1
        account.complete(credentials=credentials, base_url=base_url)
        _validate(account, credentials)
        account.save()
        account_linked.send(LinkedAccount, account=account, is_new=is_new, are_syncs_disabled=are_syncs_disabled)
    return account, account.account_token()


def _validate(account: LinkedAccount, credentials: Mapping[str, str]) -> None:
    """Raises ValidationError for all that is wrong, by field."""
    errors: dict[str, list[str]] = {}
    if problems := account.connector_class.validate_credentials(credentials):
        errors["credentials"] = [f"{name}: {problem}" for name, problem in problems.items()]
    if account.base_url is not None and not account.base_url.startswith(("http://", "https://")):
        errors["base_url"] = ["It has to begin with https:// or http://."]
    try:
        account.full_clean(exclude={"credentials", *errors})
    except ValidationError as error:
        errors |= error.message_dict
    if errors:
        raise ValidationError(errors)


def replace_key(*, organization: Organization, name: str, account_type: str) -> str:
    """Return a new secret for the key of this name, whose old one stops working. Raises ApiKey.DoesNotExist."""
    with transaction.atomic():
        # One after the other: who comes second would find the old key revoked, and not see the new one yet.
        Organization.objects.select_for_update(no_key=True).get(id=organization.id)
        keys = ApiKey.objects.filter(organization=organization, account_type=account_type)
        keys.get(name=name, revoked_at=None).revoke()
        return ApiKey.objects.issue(organization=organization, name=name, is_test=account_type == AccountType.TEST)[1]
