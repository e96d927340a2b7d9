"""Signatures of what we send: Merge's, and those of Standard Webhooks (https://www.standardwebhooks.com).

One secret serves both: Merge's scheme takes its text as the key, Standard Webhooks what the text encodes.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime

from standardwebhooks.webhooks import Webhook

MERGE_SIGNATURE = "X-Merge-Webhook-Signature"
SIGNATURES = frozenset({MERGE_SIGNATURE, "webhook-signature"})


def headers(body: str, *, id: str, at: datetime, secrets: Sequence[str]) -> dict[str, str]:
    """Return the headers that prove where a body comes from. `secrets`: the newest first; Merge's scheme takes one."""
    signatures = [Webhook(secret).sign(id, at, body) for secret in secrets]
    return {
        MERGE_SIGNATURE: merge_signature(body.encode(), secrets[0]),
        "X-Webhook-Delivery-Id": id,
        "webhook-id": id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def merge_signature(body: bytes, secret: str) -> str:
    """Return HMAC-SHA256 in base64url with padding, keyed with the secret's text."""
    return urlsafe_b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()
