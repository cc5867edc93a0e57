"""Tests: fast passwords, everything else as it runs."""

from dashboard.settings.base import *

SECRET_KEY = "only-for-tests-" + "x" * 50
ENCRYPTION_KEY = "dGVzdC1rZXktdGVzdC1rZXktdGVzdC1rZXktMDAwMDA="
ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH = False
# Most tests play the observer, and nobody answers at an address: those with real pods turn it on.
ENDPOINT_CHECK = False
