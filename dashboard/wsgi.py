"""Pages and REST."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from dashboard.fronting import Fronted

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings.local")
application = Fronted(get_wsgi_application(), trusted=settings.FORWARDED_ALLOWED)
