"""Cursors that name the place right after a row."""

import base64
from datetime import datetime


def encode(created_at: datetime, id: object) -> str:
    return base64.urlsafe_b64encode(f"{created_at.isoformat()} {id}".encode()).decode()


def decode(cursor: str) -> tuple[datetime, str]:
    created_at, _, id = base64.urlsafe_b64decode(cursor).decode().partition(" ")
    return datetime.fromisoformat(created_at), id
