"""A platform that answers what a test tells it to."""

from sandbox.server import Answer, Request


class Script:
    """Gives these answers in turn, the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)

    def answer(self, request: Request) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def fault(self, status: int, retry_after_seconds: int | None) -> Answer:
        headers = {} if retry_after_seconds is None else {"Retry-After": str(retry_after_seconds)}
        return Answer(status, {"message": "trouble"}, headers)
