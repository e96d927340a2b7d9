"""The envelope that writes answer with, and the problems in it (wire contract, section 4)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """`pointer` leads to the field to blame, such as "model/start_at". `words` and `code` are the platform's."""

    problem_type: str
    detail: str
    pointer: str | None = None
    title: str | None = None
    words: str | None = None
    code: int | None = None

    def as_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "problem_type": self.problem_type,
            "title": self.title or self.problem_type.replace("_", " ").title(),
            "detail": self.detail,
        }
        if self.pointer:
            shown["source"] = {"pointer": self.pointer}
        if self.problem_type == "PROVIDER_ERROR":
            shown |= {"raw_error": self.words, "error_code": self.code}
        return shown


@dataclass(slots=True)
class Problems:
    """All that is wrong with a write: nothing is written while there is an error."""

    warnings: list[Problem] = field(default_factory=list)
    errors: list[Problem] = field(default_factory=list)

    def warn(self, problem_type: str, detail: str, pointer: str | None = None) -> None:
        self.warnings.append(Problem(problem_type=problem_type, detail=detail, pointer=pointer))

    def refuse(self, problem_type: str, detail: str, pointer: str | None = None) -> None:
        self.errors.append(Problem(problem_type=problem_type, detail=detail, pointer=pointer))


def envelope(model: Any, problems: Problems, logs: Sequence[Any] | None = None) -> dict[str, Any]:
    """Return the body of a write's answer; `logs` only where they were asked for."""
    body = {
        "model": model,
        "warnings": [problem.as_json() for problem in problems.warnings],
        "errors": [problem.as_json() for problem in problems.errors],
    }
    return body if logs is None else {**body, "logs": list(logs)}


class SourceSerializer(serializers.Serializer[Any]):
    pointer = serializers.CharField(help_text="Path to the field to blame: `model/start_at`, `remote_user_id`.")


@extend_schema_serializer(component_name="Problem")
class ProblemSerializer(serializers.Serializer[Any]):
    """What is wrong with a write, or was left out of it."""

    problem_type = serializers.CharField()
    title = serializers.CharField()
    detail = serializers.CharField()
    source = SourceSerializer(required=False)  # type: ignore[assignment]
    raw_error = serializers.CharField(required=False, allow_null=True, help_text="The platform's own words.")
    error_code = serializers.IntegerField(required=False, allow_null=True, help_text="The platform's status.")


class LogSummarySerializer(serializers.Serializer[Any]):
    url = serializers.CharField()
    method = serializers.CharField()
    status_code = serializers.IntegerField(help_text="0 where no answer came.")


@extend_schema_serializer(component_name="DebugLog")
class LogSerializer(serializers.Serializer[Any]):
    """A call that was made to the platform."""

    log_id = serializers.UUIDField()
    dashboard_view = serializers.CharField()
    log_summary = LogSummarySerializer()


class WriteSerializer(serializers.Serializer[Any]):
    """What all answers to writes have in common, beside `model`."""

    warnings = ProblemSerializer(many=True)
    errors = ProblemSerializer(many=True)  # type: ignore[assignment]
    logs = LogSerializer(many=True, required=False, help_text="With `is_debug_mode` only.")
    task_id = serializers.UUIDField(required=False, help_text="With `run_async` only.")
