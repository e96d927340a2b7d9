"""How the admin looks, and where its sidebar leads."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.functional import lazy


@cache
def _address(name: str, **query: str) -> str:
    return reverse(name, query=query or None)


address = lazy(_address, str)  # known once there are any; each page asks for those of its sidebar hundreds of times


def icon(request: HttpRequest) -> str:
    return static("interloop/icon.svg")


def may_view(model: str) -> Callable[[HttpRequest], bool]:
    app, name = model.split(".")
    return lambda request: request.user.has_perms([f"{app}.view_{name}"])


def page(title: str, icon: str, model: str) -> dict[str, Any]:
    """Return the sidebar's entry for the list of a model ("app.model"), for those who may see it."""
    link = address(f"admin:{model.replace('.', '_')}_changelist")
    return {"title": title, "icon": icon, "link": link, "permission": may_view(model)}


def interviews_tab(title: str, when: str) -> dict[str, Any]:
    return {
        "title": title,
        "link": address("admin:interviews_scheduledinterview_changelist", **({"when": when} if when else {})),
        "active": lambda request: request.GET.get("when", "") == when,
        "permission": may_view("interviews.scheduledinterview"),
    }


UNFOLD = {
    "SITE_TITLE": "Interloop",
    "SITE_HEADER": "Interloop",
    "SITE_SUBHEADER": "Interviews from every platform",
    "SITE_ICON": icon,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": icon}],
    "SITE_URL": None,
    "SHOW_VIEW_ON_SITE": False,
    "SIDEBAR": {
        "navigation": [
            {
                "title": "Recruiting",
                "items": [
                    page("Interviews", "event", "interviews.scheduledinterview"),
                    page("Applications", "inbox", "applications.application"),
                    page("Candidates", "person_search", "applications.candidate"),
                    page("Jobs", "work", "applications.job"),
                    page("Interview stages", "stairs", "applications.jobinterviewstage"),
                    page("Reject reasons", "block", "applications.rejectreason"),
                    page("Users at platforms", "groups", "remote_users.remoteuser"),
                ],
            },
            {
                "title": "Connections",
                "separator": True,
                "items": [
                    page("Linked accounts", "link", "linked_accounts.linkedaccount"),
                    page("Link tokens", "add_link", "linking.linktoken"),
                    page("Schedules", "schedule", "sync.schedule"),
                    page("Issues", "report", "sync.issue"),
                    page("Work in hand", "conveyor_belt", "procrastinate.procrastinatejob"),
                    page("Asynchronous passthrough", "swap_horiz", "passthrough.asyncpassthrough"),
                    page("Sync runs", "sync", "sync.syncrun"),
                    page("Sync state", "monitor_heart", "sync.modelsync"),
                    page("Target fields", "account_tree", "field_mappings.targetfield"),
                    page("Organizations", "corporate_fare", "linked_accounts.organization"),
                    page("API keys", "key", "linked_accounts.apikey"),
                    page("Audit trail", "history", "linked_accounts.auditevent"),
                    {"title": "API documentation", "icon": "menu_book", "link": address("swagger-ui")},
                ],
            },
            {
                "title": "Webhooks",
                "separator": True,
                "items": [
                    page("Targets", "webhook", "webhooks.hook"),
                    page("Deliveries", "outbox", "webhooks.delivery"),
                    page("Signing keys", "signature", "webhooks.signingkey"),
                ],
            },
            {
                "title": "Access",
                "separator": True,
                "items": [page("Staff", "badge", "auth.user"), page("Groups", "shield_person", "auth.group")],
            },
        ],
    },
    "TABS": [
        {
            "models": ["interviews.scheduledinterview"],
            "items": [
                interviews_tab("All", ""),
                interviews_tab("Upcoming", "upcoming"),
                interviews_tab("Past", "past"),
                interviews_tab("Without a time", "none"),
            ],
        },
    ],
}
