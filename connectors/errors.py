# ruff: noqa: N818 (they are named for what happened)
"""What can go wrong between us and a platform. Messages are for people: they never hold a credential."""


class ConnectorError(Exception):
    """Base of everything that a connector raises on purpose.

    `status` and `words` are what the platform answered, without secrets, where it is an answer that went wrong.
    """

    status: int | None = None
    words: str | None = None


class BadCredentials(ConnectorError):
    """The platform refuses the credentials: the account has to be linked anew."""


class MissingPermission(ConnectorError):
    """The credentials are right and may not do this (403)."""


class RateLimited(ConnectorError):
    """The platform asks us to wait, and for longer than a sync may wait."""

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class PlatformUnavailable(ConnectorError):
    """No answer, or 5xx after all retries."""


class TimedOut(PlatformUnavailable):
    """The platform did not answer in time, or was still answering when our patience ended."""


class ChangesUnknown(ConnectorError):
    """The platform cannot tell any more what has changed since: everything has to be listed."""


class UnexpectedAnswer(ConnectorError):
    """The platform answered something that its contract does not know."""


class NotFound(UnexpectedAnswer):
    """There is no such thing, or no such endpoint any more (404, 410)."""


class AlreadyExists(UnexpectedAnswer):
    """The platform has such a record already."""


class InvalidField(ConnectorError):
    """The platform, or what has to be looked up there, shows that a field of a draft cannot be as it is.

    `problem_type` and `pointer` are as in connectors.creation.FieldProblem.
    """

    def __init__(self, message: str, *, pointer: str, problem_type: str = "INVALID_FIELD_CHOICE") -> None:
        super().__init__(message)
        self.pointer = pointer
        self.problem_type = problem_type


class UnsupportedOperation(ConnectorError):
    """This platform cannot do what was asked."""
