import gc
import os
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application: Any = get_wsgi_application()

from django.conf import settings  # noqa: E402  after Django was set up

from config.api_router import router  # noqa: E402
from config.fast_lane import FastLane  # noqa: E402

if not settings.DEBUG:  # which keeps each query until Django is asked to answer something
    application = FastLane(application, {prefix: viewset for prefix, viewset, _ in router.registry})

# What is loaded by now stays: the collector need not look at it again whenever a page has made some garbage.
gc.collect()
gc.freeze()
