"""Whatever is asked, the API answers as its document says, and never with a fault of its own."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conftest import Api
from tests.factories import LinkedAccountFactory, RemoteUserFactory, ScheduledInterviewFactory

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture
def document(live_server):
    return schemathesis.openapi.from_url(f"{live_server.url}/api/schema/")


@pytest.fixture
def headers(transactional_db):
    account = LinkedAccountFactory()
    user = RemoteUserFactory(linked_account=account)
    ScheduledInterviewFactory(linked_account=account, organizer=user, interviewers=[user.id])
    return Api(account).headers


def test_no_request_is_answered_otherwise_than_documented(document, headers):
    operations = [operation.ok() for operation in document.get_all_operations()]
    assert len(operations) > 15

    for operation in operations:

        @given(case=operation.as_strategy())
        @settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        def check(case):
            case.validate_response(case.call(headers=headers), checks=CHECKS)

        check()
