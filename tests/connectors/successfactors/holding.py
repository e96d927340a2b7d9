"""A sync without a database: what connectors are told of it, and what it makes of references that lead nowhere."""

from collections import defaultdict

from connectors.base import Window
from connectors.records import Record
from connectors.stored import StoredApplication
from tests.connectors.words import unified

# What a reference leads to, and what is left out where that was never listed.
REFERENCES = {
    "credited_to": "RemoteUser",
    "current_stage": "JobInterviewStage",
    "job_interview_stage": "JobInterviewStage",
    "application": "Application",
}


class Holding:
    """Records by model and id, in the order they came, and whatever else was handed back."""

    def __init__(self):
        self.records = defaultdict(dict)
        self.others = []

    def applications(self, remote_ids):
        return {
            one.remote_id: StoredApplication(
                remote_id=one.remote_id,
                candidate=one.candidate,
                job=one.job,
                current_stage=one.current_stage,
                originals={},
            )
            for one in map(self.records["Application"].get, remote_ids)
            if one is not None
        }

    def sync(self, connector, *, since=None, started_at):
        window = Window(since=since, started_at=started_at, stored=self)
        for fetch in (
            connector.fetch_users,
            connector.fetch_job_interview_stages,
            connector.fetch_applications,
            connector.fetch_interviews,
        ):
            for one in fetch(window):
                if isinstance(one, Record):
                    self.records[one.model_name][one.remote_id] = one
                else:
                    self.others.append(one)
        return self

    def unified(self, model_name):
        return {key: self._without_unknown(unified(one)) for key, one in self.records[model_name].items()}

    def _without_unknown(self, words):
        for name, target in REFERENCES.items():
            if words.get(name) not in self.records[target]:
                words = {**words, name: None} if name in words else words
        if "interviewers" in words:
            words["interviewers"] = [one for one in words["interviewers"] if one in self.records["RemoteUser"]]
        return words
