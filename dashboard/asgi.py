"""Live streams, and on one machine the pages too."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings.local")
application = get_asgi_application()
