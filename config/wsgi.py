import gc
import os
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class UTF8Request(WSGIRequest):
    """Is read as UTF-8, whatever `charset` it claims: JSON is nothing else, and neither are queries.

    Django would decode the query by it as well, and fail where it is one of Python's codecs that are for no text.
    """

    encoding = property(lambda self: "utf-8", lambda self, claimed: None)


application: Any = get_wsgi_application()
application.request_class = UTF8Request

from django.conf import settings  # noqa: E402  after Django was set up

from config.api_router import router  # noqa: E402
from config.fast_lane import FastLane  # noqa: E402

if not settings.DEBUG:  # which keeps each query until Django is asked to answer something
    application = FastLane(application, {prefix: viewset for prefix, viewset, _ in router.registry})

# What is loaded by now stays: the collector need not look at it again whenever a page has made some garbage.
gc.collect()
gc.freeze()
