"""API keys and account tokens: 256-bit random secrets, of which only SHA-256 is stored.

A fast hash is right for them: nobody can guess 256 bits, however fast guesses are.
"""

import hashlib
import secrets


def new_api_key(*, is_test: bool) -> str:
    """Return a new key, which says by its beginning what it is and which accounts it sees."""
    return f"interloop_{'test' if is_test else 'live'}_{secrets.token_urlsafe(32)}"


def secret_hash(secret: str) -> bytes:
    """Return the 32 bytes that are stored of a secret. Takes any text, as callers may send any."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
