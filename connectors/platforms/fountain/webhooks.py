"""Fountain's webhooks: about applicants, never about bookings. https://developer.fountain.com/reference/webhooks"""

from connectors.values import remote_id
from connectors.webhooks import Delivery, Hint, Subject, Webhooks, is_hmac_sha256


class FountainWebhooks(Webhooks):
    secret_name = "api_key"  # noqa: S105 (the credential's name)
    setup = (
        "Company Settings, Webhooks (under Developer Settings): add our address for stage transitions to all stages "
        "(ApplicantSave, ApplicantStateChange and Transition). Fountain signs with the API key."
    )

    def is_genuine(self, delivery: Delivery, secret: str) -> bool:
        return is_hmac_sha256(delivery.headers.get("x-obiq-signature-v2", ""), delivery.body, secret)

    def hints(self, delivery: Delivery) -> tuple[Hint, ...]:
        """Events about an applicant hold it under `applicant`, and do not say their kind. Others are about workers."""
        applicant = delivery.payload.get("applicant")
        return (Hint(subject=Subject.APPLICATION, remote_id=remote_id(applicant["id"])),) if applicant else ()
