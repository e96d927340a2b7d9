"""The link page: a customer picks the platform, enters credentials, has them tried out, and is done.

It needs no cookie and no script. Whoever knows the token may post, and nobody else can: there is nothing for another
site to ride on.
"""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from connectors import registry
from connectors.base import Connector
from linking.models import LinkToken
from linking.services import LinkEndedError, Refusal, asked_credentials, find_link_token, known_account, link
from linking.texts import ENGLISH, TEXTS

NOBODY = "'none'"
STATUSES = {"unknown": 404, "expired": 410, "used": 410, "tries": 429}


@never_cache
@csrf_exempt
@xframe_options_exempt  # Content-Security-Policy says who may frame it
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, token: str) -> HttpResponse:
    texts = ENGLISH
    try:
        link_token = find_link_token(token)
        texts = TEXTS[link_token.language]
        return _answer(request, link_token)
    except LinkEndedError as ended:
        about = {"text": texts[ended.reason], "language": _language(texts)}
        return _render(request, "ended", texts, about, status=STATUSES[ended.reason])


def _answer(request: HttpRequest, token: LinkToken) -> HttpResponse:
    texts = TEXTS[token.language]
    account = known_account(token)
    only = account.platform if account else token.platform
    chosen = only or request.POST.get("platform") or request.GET.get("platform") or ""
    about: dict[str, Any] = {"token": token, "language": token.language, "has_choice": only is None}
    if chosen not in registry.connectors():
        platforms = [_shown(one) for one in registry.connectors().values()]
        return _render(request, "choose", texts, {**about, "platforms": platforms})
    connector = registry.connector_class(chosen)
    if request.method != "POST":
        return _form(request, connector, texts, about)
    credentials = _entered(request, connector)
    base_url = request.POST.get("base_url", "").strip() or None
    outcome = link(token, platform=chosen, credentials=credentials, base_url=base_url)
    if isinstance(outcome, Refusal):
        return _form(request, connector, texts, about, refusal=outcome, status=422)
    _, public_token = outcome
    done = {**about, "connector": _shown(connector), "public_token": public_token}
    return _render(request, "done", texts, done)


def _shown(connector: type[Connector]) -> dict[str, str]:
    """Return what the page tells of a platform. Templates would make an instance of the class itself."""
    names = ("slug", "name", "color", "setup", "documentation_url", "default_base_url")
    return {name: getattr(connector, name) for name in names}


def _entered(request: HttpRequest, connector: type[Connector]) -> dict[str, str]:
    names = [credential.name for credential in asked_credentials(connector)]
    return {name: request.POST.get(f"credential-{name}", "").strip() for name in names}


def _form(
    request: HttpRequest,
    connector: type[Connector],
    texts: dict[str, str],
    about: dict[str, Any],
    *,
    refusal: Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    shown = {
        **about,
        "connector": _shown(connector),
        "fields": list(_fields(connector, _entered(request, connector), refusal)),
        "base_url": request.POST.get("base_url", ""),
        "base_url_problem": refusal and refusal.base_url and texts[refusal.base_url],
        "refusal": refusal,
        "reason": refusal and texts[refusal.reason],
    }
    return _render(request, "credentials", texts, shown, status=status)


def _fields(connector: type[Connector], entered: dict[str, str], refusal: Refusal | None) -> Iterable[dict[str, Any]]:
    for credential in asked_credentials(connector):
        name = f"credential-{credential.name}"
        problem = refusal and refusal.credentials.get(credential.name)
        descriptions = {"help": credential.help_text, "problem": problem}
        yield {
            "name": name,
            "credential": credential,
            "is_required": credential.is_required(entered),
            "value": "" if credential.secret else entered[credential.name],  # secrets are never sent back
            "problem": problem,
            "described_by": " ".join(f"{name}-{kind}" for kind, text in descriptions.items() if text),
        }


def _render(
    request: HttpRequest, template: str, texts: dict[str, str], about: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    origins = " ".join(settings.LINK_EMBED_ORIGINS)
    response = render(request, f"linking/{template}.html", {"texts": texts, "origins": origins, **about}, status=status)
    response["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
        f"base-uri 'none'; frame-ancestors {origins or NOBODY}"
    )
    if settings.LINK_EMBED_ORIGINS:
        response["Cross-Origin-Opener-Policy"] = "unsafe-none"  # a product's popup could not answer otherwise
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def _language(texts: dict[str, str]) -> str:
    return next(str(language) for language, known in TEXTS.items() if known is texts)
