import pytest

from interviews.models import ScheduledInterview
from tests.admin.rows import make


@pytest.fixture
def interview(db) -> ScheduledInterview:
    return make(ScheduledInterview)
