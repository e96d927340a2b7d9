"""What Recruitee sends: changes of candidates and jobs, never of interviews.

https://docs.recruitee.com/docs/webhooks
"""

from collections.abc import Mapping

from connectors.webhooks import Delivery, Greeting, Hint, Subject, Webhooks, is_hmac_sha256

SIGNATURE_HEADER = "x-recruitee-signature"


class RecruiteeWebhooks(Webhooks):
    secret_name = "webhook_secret"  # noqa: S105 (a name, no secret)
    setup = (
        "Settings, Apps and plugins, Webhooks, New webhook (takes a role that may manage webhooks): enter the address "
        "and choose all events of candidates. Recruitee has none of interviews."
    )

    def greet(self, delivery: Delivery) -> Greeting | None:
        """Answer the test call, without which Recruitee makes no webhook, and so no secret."""
        is_test = isinstance(delivery.payload, Mapping) and delivery.payload.get("test") is True
        return Greeting(headers={}) if is_test else None

    def is_genuine(self, delivery: Delivery, secret: str) -> bool:
        return is_hmac_sha256(delivery.headers.get(SIGNATURE_HEADER, ""), delivery.body, secret)

    def hints(self, delivery: Delivery) -> tuple[Hint, ...]:
        """Take every event of a candidate, deletion included, for a change: each sync lists everything."""
        words: list[str] = delivery.payload["event_type"].split("_")
        return (Hint(subject=Subject.CHANGES),) if "candidate" in words else ()
