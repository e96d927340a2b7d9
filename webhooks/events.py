"""The events there are (wire contract, section 6), and where they may go."""

import httpx2
from django.conf import settings
from django.core.exceptions import ValidationError

from connectors.addresses import PrivateAddress, public_address

MODELS = ("ScheduledInterview", "Application", "JobInterviewStage", "RemoteUser")
EVENTS = (
    "LinkedAccount.linked",
    "LinkedAccount.sync_completed",
    "LinkedAccount.synced",
    "LinkedAccount.deleted",
    *(f"{model}.{change}" for model in MODELS for change in ("synced", "added", "changed", "removed")),
    "Issue.new",
    "Issue.reopened",
    "Issue.resolved",
    "AsyncPassthrough.resolved",
    "AsyncPost.completed",
)
PING = "ping"  # sent on demand, to see whether a target works


def check_target(url: str) -> None:
    """Raises ValidationError for an address that deliveries may not go to."""
    try:
        target = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise ValidationError(f"This is no address: {error}.") from error
    if target.scheme not in ("http", "https") or not target.host or " " in url:
        raise ValidationError("It has to begin with https:// or http://, and name a host.")
    if target.userinfo:
        raise ValidationError("User names and passwords do not belong in an address.")
    if settings.ALLOW_PRIVATE_ADDRESSES:
        return
    try:
        public_address(target.raw_host.decode(), target.port or 443)
    except PrivateAddress as error:
        raise ValidationError(f"{error} The setting ALLOW_PRIVATE_ADDRESSES permits such targets.") from error
