"""A page of the interviews list: ours, and the same by stock Django REST framework, turn by turn in one process.

    python -m benchmarks.lists --interviews 100000

Prints the median of each and their ratio. Both answer the same JSON, which is checked first. Neither has a server, a
network or another process between caller and view, so the ratio is that of the work itself.
"""

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402  after the set-up
from django.test import Client, RequestFactory  # noqa: E402
from django_filters.rest_framework import DjangoFilterBackend  # noqa: E402
from rest_framework import pagination, permissions, renderers, serializers, viewsets  # noqa: E402

from api.serializers import NO_FIELD_MAPPINGS  # noqa: E402
from applications.models import Application  # noqa: E402
from applications.serializers import ApplicationSerializer  # noqa: E402
from benchmarks.dataset import Dataset, dataset  # noqa: E402
from interviews.models import ScheduledInterview  # noqa: E402
from interviews.serializers import ScheduledInterviewSerializer  # noqa: E402
from linked_accounts.models import ApiKey  # noqa: E402


class Constants(serializers.ModelSerializer[Any]):
    """Adds what the API answers for every row here."""

    def to_representation(self, instance: Any) -> dict[str, Any]:
        nothing = {"field_mappings": NO_FIELD_MAPPINGS, "remote_data": None}
        return {**super().to_representation(instance), **nothing}


class StockApplicationSerializer(Constants):
    class Meta:
        model = Application
        fields = [name for name in ApplicationSerializer.Meta.fields if name not in ("field_mappings", "remote_data")]

    offers = serializers.ReadOnlyField(default=list)
    screening_question_answers = serializers.ReadOnlyField(default=list)


class StockSerializer(Constants):
    class Meta:
        model = ScheduledInterview
        fields = [
            name for name in ScheduledInterviewSerializer.Meta.fields if name not in ("field_mappings", "remote_data")
        ]


class StockExpandedSerializer(StockSerializer):
    application = StockApplicationSerializer()


class StockPagination(pagination.CursorPagination):
    ordering = ("created_at", "id")
    page_size = 100


class StockViewSet(viewsets.ReadOnlyModelViewSet[Any]):
    authentication_classes = []
    permission_classes = [permissions.AllowAny]
    throttle_classes = []
    renderer_classes = [renderers.JSONRenderer]
    pagination_class = StockPagination
    filter_backends = [DjangoFilterBackend]
    filterset_fields = ["application_id", "job_interview_stage_id", "organizer_id"]
    account: Any = None

    def get_queryset(self) -> Any:
        rows = ScheduledInterview.objects.for_account(self.account).present().filled()
        return rows.select_related("application") if "expand" in self.request.query_params else rows

    def get_serializer_class(self) -> Any:
        return StockExpandedSerializer if "expand" in self.request.query_params else StockSerializer


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interviews", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=200)
    arguments = parser.parse_args()
    with dataset(arguments.interviews) as data:
        ours, stock = _ours(data), _stock(data)
        print(f"{arguments.interviews:,} interviews, pages of 100, median of {arguments.rounds} rounds")
        print(f"{'':28}{'ours':>10}{'stock DRF':>12}{'ratio':>8}")
        for title, query in {
            "first page": "",
            "one organizer": f"organizer_id={data.id_of('user', 7)}",
            "application expanded": "expand=application",
        }.items():
            results = json.loads(ours(query))["results"]
            if results != json.loads(stock(query))["results"] or not results:
                print(f"{title}: the answers differ", file=sys.stderr)
                return 1
            times: dict[Callable[[str], bytes], list[float]] = {ours: [], stock: []}
            for _ in range(arguments.rounds):
                for answer, taken in times.items():
                    started_at = perf_counter()
                    answer(query)
                    taken.append(perf_counter() - started_at)
            fast, slow = (statistics.median(taken) * 1000 for taken in times.values())
            print(f"{title:28}{fast:7.2f} ms{slow:9.2f} ms{slow / fast:7.1f}x")
    return 0


def _ours(data: Dataset) -> Callable[[str], bytes]:
    """Return the whole of our path: middleware, authentication, throttle, view."""
    settings.ALLOWED_HOSTS = ["testserver"]
    _, secret = ApiKey.objects.issue(organization=data.account.organization, name="benchmark")
    headers = {"Authorization": f"Bearer {secret}", "X-Account-Token": data.account.account_token() or ""}
    client = Client(headers=headers)
    return lambda query: client.get(f"/api/ats/v1/interviews?page_size=100&{query}").content


def _stock(data: Dataset) -> Callable[[str], bytes]:
    """Return a plain view set as the documentation has it, without authentication, throttle and middleware."""
    view = StockViewSet.as_view({"get": "list"}, account=data.account)
    requests = RequestFactory()
    return lambda query: view(requests.get(f"/?{query}")).render().content


if __name__ == "__main__":
    sys.exit(main())
