"""Many machines, behind a proxy that ends TLS."""

from servestatic.compress import Compressor

from dashboard.settings.base import *
from dashboard.settings.base import ALLOWED_HOSTS, DATA_DIR, OTLP_ENDPOINT, SECRET_KEY
from dashboard.settings.environment import count_in_files, without_telemetry

for name, value in {"SECRET_KEY": SECRET_KEY, "ALLOWED_HOSTS": ALLOWED_HOSTS}.items():
    if not value:
        raise SystemExit(f"{name} is not set; production does not start without it.")

METRICS_DIR = count_in_files(DATA_DIR)
if not OTLP_ENDPOINT:
    without_telemetry()
# A proxy on the same machine looks like the machine itself.
METRICS_ON_LOOPBACK = False
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
# Probes and Prometheus ask a process itself, past the proxy that ends TLS.
SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$", "^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "servestatic.storage.CompressedManifestStaticFilesStorage"},
}
SERVESTATIC_KEEP_ONLY_HASHED_FILES = True
# Maps of scripts are fetched by people who debug them: compressing those took most of the time.
SERVESTATIC_SKIP_COMPRESS_EXTENSIONS = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")
