import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

# What is loaded by now stays: the collector need not look at it again whenever a page has made some garbage.
gc.collect()
gc.freeze()
