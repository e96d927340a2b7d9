"""The openings of an account and their stages: few enough to be kept for a sync, which needs them at every turn."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from connectors.base import UNREADABLE, unreadable
from connectors.platforms.fountain import mapping
from connectors.records import JobInterviewStageRecord, Unreadable
from connectors.values import remote_id


@dataclass(slots=True)
class _Stage:
    """`opening` is the first that has it, `order` its place there."""

    payload: mapping.Payload
    opening: str
    order: int
    is_shared: bool = False


class Openings:
    """What `GET /funnels` lists, inactive openings included. Openings with a workflow in common share its stages."""

    def __init__(self) -> None:
        self.stages_of: dict[str, set[str]] = {}  # by opening, in the order they are listed
        self.rejection_stages: set[str] = set()
        self._stages: dict[str, _Stage] = {}

    def add(self, payload: Any) -> Iterator[Unreadable]:
        """Take in an opening. Yields what cannot be read of it."""
        try:
            opening = remote_id(payload["id"])
            stages = list(enumerate(payload.get("stages") or (), start=1))
        except UNREADABLE as error:
            yield Unreadable(model_name="JobInterviewStage", remote_id=None, reason=f"an opening: {error}")
            # Its calendar slots cannot be listed either.
            yield Unreadable(model_name="ScheduledInterview", remote_id=None, reason=f"an opening: {error}")
            return
        own = self.stages_of.setdefault(opening, set())
        for order, stage in stages:
            try:
                own.add(self._add_stage(stage, opening, order))
            except UNREADABLE as error:
                yield unreadable(stage, "JobInterviewStage", error)

    def records(self) -> Iterator[JobInterviewStageRecord]:
        """Yield the stages. Only when all openings are here is it known which of them are shared."""
        for stage in self._stages.values():
            yield mapping.stage(
                stage.payload, opening=stage.opening, stage_order=stage.order, is_shared=stage.is_shared
            )

    def stage_of_booking(self, stage_ids: Any, opening: str | None) -> str | None:
        """Return the first stage of a calendar slot that the applicant's opening has, else the first that any has."""
        known = []
        for stage_id in stage_ids or ():
            with suppress(*UNREADABLE):
                known.append(remote_id(stage_id))
        known = [stage_id for stage_id in known if stage_id in self._stages]
        own = self.stages_of.get(opening or "", set())
        return next((stage_id for stage_id in known if stage_id in own), known[0] if known else None)

    def _add_stage(self, payload: mapping.Payload, opening: str, order: int) -> str:
        stage_id = remote_id(payload["id"])
        stage = self._stages.setdefault(stage_id, _Stage(payload, opening, order))
        if stage.opening != opening:
            stage.is_shared = True
        if mapping.is_rejection(payload):
            self.rejection_stages.add(stage_id)
        return stage_id
