"""Pages and REST."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from dashboard.fronting import Fronted
from dashboard.settled import settle
from dashboard.static_files import static_under_wsgi

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings.local")
application = Fronted(static_under_wsgi(get_wsgi_application()), trusted=settings.FORWARDED_ALLOWED)
settle()
