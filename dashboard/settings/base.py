"""What all settings share."""

from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF

from dashboard.logs import log_config
from dashboard.settings.environment import ROOT, Environment, database_from_url
from dashboard.settings.oidc import oidc_from

env = Environment()

BASE_DIR = ROOT
DATA_DIR = env.data_dir
SECRET_KEY = env.secret_key
SECRET_KEY_FALLBACKS = [key for key in env.secret_key_fallbacks.split(",") if key]
# Opens stored cluster credentials. Empty in the web tier, which never needs them.
ENCRYPTION_KEY = env.encryption_key
KUBECONFIG_PATH = env.kubeconfig_path
KUBE_CONTEXT = env.kube_context
# What a kubelet tells its pods of the cluster they are in.
KUBERNETES_SERVICE_HOST = env.kubernetes_service_host
KUBERNETES_SERVICE_PORT = env.kubernetes_service_port
SERVICE_ACCOUNT_DIR = env.service_account_dir
DEBUG = False
ALLOWED_HOSTS = [host for host in env.allowed_hosts.split(",") if host]
# Proxies: what they say of who asks is believed (WSGI; for ASGI uvicorn does it).
FORWARDED_ALLOWED = [entry.strip() for entry in env.forwarded_allow_ips.split(",") if entry.strip()]
CSRF_TRUSTED_ORIGINS = [origin for origin in env.csrf_trusted_origins.split(",") if origin]

INSTALLED_APPS = [
    "dashboard",
    "deployments",
    "teams",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "axes",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
]

MIDDLEWARE = [
    "dashboard.measuring.measured",
    "dashboard.gatekeeping.machines_by_address",
    "django.middleware.security.SecurityMiddleware",
    "dashboard.static_files.static_under_asgi",
    "csp.middleware.CSPMiddleware",
    "dashboard.origin.with_origin",
    "dashboard.gatekeeping.without_nul",
    "dashboard.language.by_own_language",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "dashboard.clock.by_own_clock",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

# Touched by worker, beat and observer while they live; None: no probe asks for it.
ALIVE_FILE = Path(env.alive_file) if env.alive_file else None
# Where traces go, by OTLP over HTTP; empty: there are none.
OTLP_ENDPOINT = env.otel_exporter_otlp_endpoint
OTLP_SERVICE = env.otel_service_name
if OTLP_ENDPOINT:
    MIDDLEWARE = ["dashboard.telemetry.traced", *MIDDLEWARE]

ROOT_URLCONF = "dashboard.urls"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.context.shell",
            ],
            "libraries": {"i18n": "dashboard.templatetags.translating"},
        },
    }
]

WSGI_APPLICATION = "dashboard.wsgi.application"
ASGI_APPLICATION = "dashboard.asgi.application"

DATABASES = {"default": database_from_url(env.database_url, data_dir=env.data_dir)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# The first one only refuses: whoever failed too often, from where they failed.
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=5)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
# Not by name alone: anybody could lock anybody out.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "deployments.limits.address_of"
# Stored is a hash: what is typed as a name may be a password.
AXES_USERNAME_CALLABLE = "deployments.limits.attempted_name"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
SILENCED_SYSTEM_CHECKS = [
    # Its middleware answers in place of the view, and fails at it under ASGI; our view answers itself.
    "axes.W002",
    # Two libraries of one name: ours is Django's `i18n`, but for what it keeps.
    "templates.W003",
]
# Tries are counted by axes, and floods by deployments.limits: both count for all processes together,
# as these would not.
ACCOUNT_RATE_LIMITS = MFA_RATE_LIMITS = False
ACCOUNT_ADAPTER = "dashboard.entrance.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
# There is no way to send a mail, and so none to prove an address.
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_FORMS = {
    "change_password": "dashboard.entrance.forms.ChangePasswordForm",
    "reauthenticate": "dashboard.entrance.forms.ConfirmForm",
}
MFA_ADAPTER = "dashboard.entrance.factors.FactorAdapter"
MFA_FORMS = {
    "authenticate": "dashboard.entrance.forms.CodeForm",
    "reauthenticate": "dashboard.entrance.forms.ConfirmByCodeForm",
    "activate_totp": "dashboard.entrance.forms.ActivateTotpForm",
    "add_webauthn": "dashboard.entrance.passkeys.AddForm",
    "login_webauthn": "dashboard.entrance.passkeys.LoginForm",
    "authenticate_webauthn": "dashboard.entrance.passkeys.SecondFactorForm",
    "reauthenticate_webauthn": "dashboard.entrance.passkeys.ConfirmForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "Timoneiro"
# A telephone's clock may be half a minute wrong. No code is taken twice: see CodeForm.
MFA_TOTP_TOLERANCE = 1
SOCIALACCOUNT_ADAPTER = "dashboard.entrance.provider.ProviderAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
# The one provider that people may sign in with besides; None without one.
OIDC = oidc_from(env)

LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "sign-in"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("pt-br", "Português (Brasil)")]
LANGUAGE_COOKIE_NAME = "timoneiro_language"
LOCALE_PATHS = [ROOT / "locale"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
# An image brings its own, collected when it was built.
STATIC_ROOT = Path(env.static_root) if env.static_root else env.data_dir / "static"
STATICFILES_DIRS = [ROOT / "static"]

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_ENGINE = "teams.sessions"
# Names of our own: a browser sends cookies to every port of a host, and node ports of the local
# cluster keep these from models (k8s/local/cookies.py).
SESSION_COOKIE_NAME = "timoneiro_session"
CSRF_COOKIE_NAME = "timoneiro_csrf"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "dashboard.views.errors.stale_form"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

REDIS_URL = env.redis_url
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

CELERY_BROKER_URL = env.redis_url
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 120
CELERY_TASK_SOFT_TIME_LIMIT = 90
CELERY_TASK_DEFAULT_QUEUE = "reconcile"
CELERY_TASK_ROUTES = {
    "deployments.tasks.interactive.*": {"queue": "interactive"},
    # These wait for others' servers, which may be slow: wishes must not wait behind them.
    "deployments.tasks.check_endpoint": {"queue": "upkeep"},
    "deployments.tasks.capture_logs": {"queue": "upkeep"},
    "deployments.tasks.deliver": {"queue": "upkeep"},
    "deployments.tasks.forget_old": {"queue": "upkeep"},
    "deployments.tasks.review_use": {"queue": "upkeep"},
    "deployments.tasks.review_cluster": {"queue": "upkeep"},
    "deployments.tasks.roll_up": {"queue": "upkeep"},
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# What a whole worker that was killed had taken comes back after `visibility_timeout`, ten
# times the longest task; people wait for the sweep instead. Looked for each 5 s, not 100 s.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 1200,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # Publishing from a request must not hang on a dead broker: the sweep recovers.
    "socket_connect_timeout": 2,
    "socket_timeout": 10,
    "max_retries": 1,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 3
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "dashboard.signs_of_life:Scheduler"
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "deployments.tasks.sweep", "schedule": 15.0, "options": {"expires": 15}},
    # Not each minute: people are promised that a schedule fires within half a minute.
    "schedules": {"task": "deployments.tasks.fire_schedules", "schedule": 5.0, "options": {"expires": 15}},
    "review": {"task": "deployments.tasks.review_use", "schedule": 3600.0, "options": {"expires": 3600}},
    "roll-ups": {"task": "deployments.tasks.roll_up", "schedule": 60.0, "options": {"expires": 60}},
    "retention": {"task": "deployments.tasks.forget_old", "schedule": 3600.0, "options": {"expires": 3600}},
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "deployments.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["deployments.api.permissions.HasScope"],
    "EXCEPTION_HANDLER": "deployments.api.problems.problem_handler",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Timoneiro",
    "DESCRIPTION": "Deploy and scale ML models on Kubernetes.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
}

# Hosts and networks that webhooks may lead to although they are not public.
WEBHOOK_ALLOWED = [entry.strip() for entry in env.webhook_allow.split(",") if entry.strip()]
# Whether `running` waits for a new rollout's Service to answer its health path through the cluster's
# API server. Off for clusters whose network keeps the API server away from pods.
ENDPOINT_CHECK = env.endpoint_check
# Requests to the API by one token or signed-in person, and by an address that is neither; attempts
# to sign in from one address; streams that one person has open. Counted in Redis. 0 is no limit.
REQUESTS_PER_MINUTE = env.requests_per_minute
REQUESTS_PER_MINUTE_ANONYMOUS = env.requests_per_minute_anonymous
SIGN_INS_PER_MINUTE = env.sign_ins_per_minute
# What one person may be refused before further refusals are answered 429 and are one line of the audit.
REFUSALS_PER_MINUTE = env.refusals_per_minute
STREAMS_PER_USER = env.streams_per_user
# After how many days without work worth mention a deployment is listed as idle.
IDLE_AFTER_DAYS = env.idle_after_days
# Who has it may read /metrics; without one, only this machine itself.
METRICS_TOKEN = env.metrics_token
METRICS_ON_LOOPBACK = True
# Where the processes count for Prometheus; None: each in its memory.
METRICS_DIR: Path | None = None
# The most replicas one deployment may have.
MAX_REPLICAS = 100
# Seconds without word from a cluster until what we show of it is marked stale.
STALE_AFTER_SECONDS = 15

LOGGING = log_config(level=env.log_level, format_name=env.log_format)
