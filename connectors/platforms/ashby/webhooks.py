"""Ashby's webhooks. https://developers.ashbyhq.com/docs/authenticating-webhooks"""

from connectors.webhooks import Delivery, Hint, Subject, Webhooks, is_hmac_sha256

# By `action`. `ping` and what we do not know have none. Whatever changed is cheap to ask for; what vanished is not
# told but by a full sync.
HINTS = {
    "interviewScheduleCreate": Subject.CHANGES,
    "interviewScheduleUpdate": Subject.CHANGES,  # of events as well
    "applicationUpdate": Subject.CHANGES,
    "candidateStageChange": Subject.CHANGES,
    "candidateHire": Subject.CHANGES,
    "candidateDelete": Subject.EVERYTHING,
    "candidateMerge": Subject.EVERYTHING,
}


class AshbyWebhooks(Webhooks):
    secret_name = "webhook_secret"  # noqa: S105 (the name of one)
    setup = (
        "Admin, Integrations, Webhooks: a webhook of its own, with our address and the same secret token, for each of "
        f"{', '.join(HINTS)}."
    )

    def is_genuine(self, delivery: Delivery, secret: str) -> bool:
        scheme, _, signature = delivery.headers.get("ashby-signature", "").partition("=")
        return scheme == "sha256" and is_hmac_sha256(signature, delivery.body, secret)

    def hints(self, delivery: Delivery) -> tuple[Hint, ...]:
        subject = HINTS.get(delivery.payload["action"])
        return (Hint(subject=subject),) if subject else ()
