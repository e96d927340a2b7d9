"""What Greenhouse sends when something happens: https://developers.greenhouse.io/webhooks.html

Of interviews it tells only that one was deleted. It tells of nothing that vanishes along with something else.
"""

from typing import Any

from connectors.values import remote_id
from connectors.webhooks import Delivery, Hint, Subject, Webhooks, is_hmac_sha256

# By `action`; each names one application.
APPLICATION_EVENTS = frozenset(
    {
        "new_candidate_application",
        "new_prospect_application",
        "application_updated",
        "delete_application",
        "candidate_stage_change",
        "hire_candidate",
        "unhire_candidate",
        "reject_candidate",
        "unreject_candidate",
    }
)
OTHER_EVENTS = {
    "merge_candidate": Subject.CHANGES,  # what the other candidate has already comes as `delete_application`
    "scorecard_deleted": Subject.CHANGES,  # feedback is outstanding again; names a candidate only
    "job_deleted": Subject.EVERYTHING,
    "job_interview_stage_deleted": Subject.EVERYTHING,
}
EVENTS = APPLICATION_EVENTS | OTHER_EVENTS.keys() | {"interview_deleted", "delete_candidate"}


class GreenhouseWebhooks(Webhooks):
    secret_name = "webhook_secret"  # noqa: S105 (the name of a credential)
    setup = (
        "Configure, Dev Center, Web Hooks: a web hook of its own, with our address and the same secret key, for each "
        f"of {', '.join(sorted(EVENTS))}. Enter the secret key here first: Greenhouse tries a web hook when it is "
        "saved, and leaves it disabled if that fails."
    )

    def is_genuine(self, delivery: Delivery, secret: str) -> bool:
        scheme, _, signature = delivery.headers.get("signature", "").partition(" ")
        return scheme == "sha256" and is_hmac_sha256(signature, delivery.body, secret)

    def hints(self, delivery: Delivery) -> tuple[Hint, ...]:
        action, payload = delivery.payload["action"], delivery.payload.get("payload")
        if action in APPLICATION_EVENTS:
            return (_application(payload["application"]["id"]),)
        if action == "interview_deleted":
            return (Hint(subject=Subject.INTERVIEW, remote_id=remote_id(payload["interview"]["id"])),)
        if action == "delete_candidate":
            # None are named where the candidate was merged into another, who has them now.
            deleted = payload["person"].get("deleted_application_ids") or ()
            return tuple(map(_application, deleted)) or (Hint(subject=Subject.CHANGES),)
        subject = OTHER_EVENTS.get(action)
        return (Hint(subject=subject),) if subject else ()


def _application(application_id: Any) -> Hint:
    return Hint(subject=Subject.APPLICATION, remote_id=remote_id(application_id))
