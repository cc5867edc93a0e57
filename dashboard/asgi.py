"""Live streams, and on one machine the pages too."""

import os

from django.core.asgi import get_asgi_application

from dashboard.gatekeeping import BodyLimit
from dashboard.settled import settle

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings.local")
application = BodyLimit(get_asgi_application())
settle()
