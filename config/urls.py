from django.contrib import admin
from django.urls import include, path, re_path
from django.views.decorators.cache import cache_page
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularRedocView, SpectacularSwaggerView

from api import views
from config.api_router import absent, router
from linking.pages import page as link_page
from linking.views import AccountTokenViewSet, LinkTokenViewSet
from webhooks.views import receive

DAY_SECONDS = 24 * 60 * 60

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/")),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
    path("webhooks/<uuid:account_id>/<str:secret>", receive, name="webhook"),
    path("link/<str:token>", link_page, name="link"),
    path("api/ats/v1/", include(router.urls)),
    re_path(r"^api/integrations/create-link-token/?$", LinkTokenViewSet.as_view({"post": "create"})),
    re_path(r"^api/integrations/account-token/(?P<pk>[^/]+)/?$", AccountTokenViewSet.as_view({"get": "retrieve"})),
    path("api/ats/v1/", include(absent.urls)),
    # The document changes with the code only, and making it takes a fifth of a second.
    re_path(r"^api/schema/?$", cache_page(DAY_SECONDS)(SpectacularJSONAPIView.as_view()), name="schema"),
    re_path(r"^api/docs/?$", views.own_host_only(SpectacularSwaggerView.as_view()), name="swagger-ui"),
    re_path(r"^api/redoc/?$", views.own_host_only(SpectacularRedocView.as_view()), name="redoc"),
    # Also with DEBUG, whose own page is HTML; for every method, without asking for the cookies of a form.
    re_path(r"^api(/|$)", csrf_exempt(views.not_found)),
]

handler400 = views.bad_request
handler403 = views.permission_denied
handler404 = views.not_found
handler500 = views.server_error
