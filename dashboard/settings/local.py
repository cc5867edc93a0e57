"""One machine, loopback only: what `./dev up` runs."""

from dashboard.settings.base import *
from dashboard.settings.base import SECRET_KEY

ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
# Served straight from the source folders; nothing to collect.
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH = False

if not SECRET_KEY:
    raise SystemExit(
        "SECRET_KEY is not set. `./dev up` makes one; for a single command use `./dev manage ...`."
    )
