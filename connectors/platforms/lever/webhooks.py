"""What Lever sends when something happens: https://hire.lever.co/developer/documentation#webhooks"""

from connectors.values import optional_remote_id
from connectors.webhooks import Delivery, Hint, Subject, Webhooks, is_hmac_sha256

EVENTS = frozenset(
    {
        "interviewCreated",
        "interviewUpdated",
        "interviewDeleted",
        "applicationCreated",
        "candidateStageChange",
        "candidateArchiveChange",
        "candidateHired",
        "candidateDeleted",
    }
)


class LeverWebhooks(Webhooks):
    """The signature stands in the body, and covers its `token` and `triggeredAt` only."""

    secret_name = "webhook_secret"  # noqa: S105 (the name of a credential)
    setup = (
        "Settings, Integrations and API, Webhooks: enter the address for the events "
        f"{', '.join(sorted(EVENTS))}; enter the signature token of those hooks here."
    )

    def is_genuine(self, delivery: Delivery, secret: str) -> bool:
        payload = delivery.payload if isinstance(delivery.payload, dict) else {}
        signature, token, triggered_at = (payload.get(key) for key in ("signature", "token", "triggeredAt"))
        if not isinstance(signature, str) or not isinstance(token, str) or not isinstance(triggered_at, int):
            return False
        return is_hmac_sha256(signature, f"{token}{triggered_at}".encode(), secret)

    def hints(self, delivery: Delivery) -> tuple[Hint, ...]:
        """Return the opportunity, which its interviews are listed under. An event without one may be about any."""
        if delivery.payload["event"] not in EVENTS:
            return ()
        opportunity_id = optional_remote_id((delivery.payload.get("data") or {}).get("opportunityId"))
        if opportunity_id is None:
            return (Hint(subject=Subject.CHANGES),)
        return (Hint(subject=Subject.APPLICATION, remote_id=opportunity_id),)
