"""What the sync holds of an account, in memory: references to what was never listed count for nothing."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime

from connectors.base import Window
from connectors.records import Checkpoint, Record
from connectors.stored import StoredApplication

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MODELS = {
    "RemoteUser": "fetch_users",
    "JobInterviewStage": "fetch_job_interview_stages",
    "Application": "fetch_applications",
    "ScheduledInterview": "fetch_interviews",
}


class Memory:
    def __init__(self):
        self.records = defaultdict(dict)
        self.states = {}

    def sync(self, connector, *, since=None, started_at=NOW):
        """Read everything, or what changed, and return what came of each model."""
        found = {name: self.read(connector, name, since=since, started_at=started_at) for name in MODELS}
        for records in self.records.values():
            records |= {key: self.reduced(record) for key, record in records.items()}
        return found

    def read(self, connector, name, *, since=None, started_at=NOW):
        state = self.states.get(name, {})
        window = Window(since=since, started_at=started_at, state=state, stored=self)
        found = []
        for entry in getattr(connector, MODELS[name])(window):
            found.append(entry)
            if isinstance(entry, Record):
                self.records[entry.model_name][entry.remote_id] = entry
            elif isinstance(entry, Checkpoint):
                self.states[name] = entry.state
        return found

    def reduced(self, record):
        changes = {
            name: None
            for name, model in {
                "credited_to": "RemoteUser",
                "organizer": "RemoteUser",
                "current_stage": "JobInterviewStage",
                "job_interview_stage": "JobInterviewStage",
            }.items()
            if getattr(record, name, None) not in self.records[model]
        }
        changes = {name: value for name, value in changes.items() if hasattr(record, name)}
        if hasattr(record, "interviewers"):
            users = self.records["RemoteUser"]
            changes["interviewers"] = tuple(one for one in record.interviewers if one in users)
        return replace(record, **changes)

    def known(self, model_name, remote_ids):
        return set(remote_ids) & self.records[model_name].keys()

    def applications(self, remote_ids):
        return {key: self._stored(key) for key in remote_ids if key in self.records["Application"]}

    def applications_of(self, pairs):
        found = defaultdict(tuple)
        for key, record in self.records["Application"].items():
            if (record.candidate, record.job) in pairs:
                found[record.candidate, record.job] += (self._stored(key),)
        return found

    def _stored(self, key):
        record = self.reduced(self.records["Application"][key])
        return StoredApplication(
            remote_id=key,
            candidate=record.candidate,
            job=record.job,
            current_stage=record.current_stage,
            originals={},
        )
