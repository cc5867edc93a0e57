"""One machine, loopback only: what `./dev up` runs."""

from dashboard.settings.base import *
from dashboard.settings.base import DATA_DIR, MIDDLEWARE, OTLP_ENDPOINT, SECRET_KEY
from dashboard.settings.environment import count_in_files, without_telemetry

ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
METRICS_DIR = count_in_files(DATA_DIR)
if not OTLP_ENDPOINT:
    without_telemetry()
# Served straight from the source folders; nothing to collect.
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH = False
# The same texts, compressed at the start: see dashboard/static_files.py.
SERVESTATIC_ROOT = DATA_DIR / "web"
# Addresses carry their file's digest, so a browser may keep it.
SERVESTATIC_MAX_AGE = 30 * 24 * 3600
MIDDLEWARE = [
    "dashboard.static_files.compressed_static" if name == "dashboard.static_files.static_under_asgi" else name
    for name in MIDDLEWARE
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "dashboard.static_files.VersionedStaticFilesStorage"},
}

if not SECRET_KEY:
    raise SystemExit(
        "SECRET_KEY is not set. `./dev up` makes one; for a single command use `./dev manage ...`."
    )
