"""What SmartRecruiters sends. https://developers.smartrecruiters.com/docs/interview-api-1"""

from connectors.values import remote_id
from connectors.webhooks import Delivery, Greeting, Hint, Subject, Webhooks, is_hmac_sha256

ACTIVATION_HEADER = "X-Hook-Secret"

APPLICATION_EVENTS = frozenset(
    {
        "interview.created",
        "interview.updated",
        "interview.canceled",
        "application.created",
        "application.status.updated",
    }
)


class SmartRecruitersWebhooks(Webhooks):
    """Signed as https://developers.smartrecruiters.com/reference/subscriptionsgeneratesecretkey-1 says."""

    secret_name = "webhook_secret"  # noqa: S105 (its name)
    accepted_status = 202
    setup = (
        "Create a subscription for our address with POST /webhooks-api/v201907/subscriptions, for the events "
        f"{', '.join(sorted(APPLICATION_EVENTS))} and candidate.deleted; activate it; generate its secret key "
        "and enter that here as the webhook secret."
    )

    def greet(self, delivery: Delivery) -> Greeting | None:
        """Echo the secret with which a subscription is activated: whoever sends it has to see it again."""
        secret = delivery.headers.get(ACTIVATION_HEADER.lower())
        return Greeting(headers={ACTIVATION_HEADER: secret}) if secret else None

    def is_genuine(self, delivery: Delivery, secret: str) -> bool:
        """There is a signature for each secret key in use: one of them has to be ours."""
        headers = delivery.headers
        message = b".".join(
            (
                headers.get("smartrecruiters-timestamp", "").encode(),
                delivery.body,
                *(headers.get(name, "").encode() for name in ("event-id", "event-name", "event-version", "link")),
            )
        )
        versions = (part.strip().partition("=") for part in headers.get("smartrecruiters-signature", "").split(";"))
        return any(version == "v1" and is_hmac_sha256(signature, message, secret) for version, _, signature in versions)

    def hints(self, delivery: Delivery) -> tuple[Hint, ...]:
        event = delivery.headers["event-name"]
        if event in APPLICATION_EVENTS:
            return (Hint(subject=Subject.APPLICATION, remote_id=remote_id(delivery.payload["application_id"])),)
        return (Hint(subject=Subject.EVERYTHING),) if event == "candidate.deleted" else ()
