"""Django settings. Everything an administrator may change comes from workbench/environment.py."""

from __future__ import annotations

import os
from typing import Any

import dj_database_url
import django_stubs_ext
from csp.constants import NONCE, NONE, SELF

from workbench import environment

# Lets forms say what they are forms of (ModelForm[Project]) at run time too.
django_stubs_ext.monkeypatch()

BASE_DIR = environment.ROOT
WORKBENCH_HOME = environment.home()
WORKBENCH_HOME.mkdir(parents=True, exist_ok=True)
SECRET_KEY = environment.secret_key()
DEBUG = os.environ.get("WORKBENCH_DEBUG") == "1"
ALLOWED_HOSTS = environment.allowed_hosts()

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "servestatic.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
    "csp",
    "axes",
    "workbench",
    "projects_app",
    "models_app",
    "runs_app",
    "documents_app",
    "datasets_app",
    "drafts_app",
    "training_jobs",
    "eval_app",
    "review_app",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "workbench.fragments.vary_on_htmx",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "workbench.urls"
ASGI_APPLICATION = "workbench.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["workbench.templatetags.ui", "workbench.templatetags.show"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
        },
    }
]

# ── Database ──────────────────────────────────────────────────────────────────────────────────────────────────
DATABASES: dict[str, Any] = {"default": dj_database_url.parse(environment.database_url())}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # WAL + IMMEDIATE is the SQLite mode in which four writers never met "database is locked" (docs/benchmarks.md).
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-20000;",
    }
    DATABASES["default"]["TEST"] = {"NAME": WORKBENCH_HOME / "test.sqlite3"}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# ── Redis, Celery ─────────────────────────────────────────────────────────────────────────────────────────────
WORKER_NAME = environment.worker_name()
REDIS_URL = environment.redis_url()
CELERY_BROKER_URL = environment.celery_broker_url()
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 240
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 300, "unacked_restore_throttle": 1}
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE = {"reap": {"task": "runs_app.tasks.reap", "schedule": 2.0, "options": {"expires": 10}}}
CELERY_BEAT_SCHEDULE_FILENAME = str(WORKBENCH_HOME / "celerybeat-schedule")

# ── What a run of each kind is: its label, whether it needs a device to itself, and who records its events ─────
RUN_KINDS: dict[str, dict[str, Any]] = {
    "unpack": {"label": "Unpacking", "exclusive": False, "recorder": "datasets_app.recording.UnpackRecorder"},
    "audit": {"label": "Audit", "exclusive": False, "recorder": "datasets_app.recording.AuditRecorder"},
    "repair": {"label": "Repair", "exclusive": False, "recorder": "datasets_app.recording.RepairRecorder"},
    # A draft of a model on this machine is made exclusive when it is started.
    "draft": {"label": "Drafting", "exclusive": False, "recorder": "drafts_app.recording.DraftRecorder"},
    "split": {"label": "Split", "exclusive": False, "recorder": "datasets_app.recording.SplitRecorder"},
    "train": {"label": "Training", "exclusive": True, "recorder": "training_jobs.recording.TrainingRecorder"},
    "export": {"label": "Export", "exclusive": True, "recorder": "training_jobs.recording.ExportRecorder"},
    "evaluate": {
        "label": "Evaluation",
        "exclusive": True,
        "recorder": "eval_app.recording.EvaluationRecorder",
    },
}

# Called at each beat of the queue, any number of times; below, so that runs know nothing of plans.
EACH_BEAT = ["training_jobs.plans.advance_all"]

# ── Sign-in ───────────────────────────────────────────────────────────────────────────────────────────────────
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "home"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_VERBOSE = False
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SIGN_IN_LINK_MAX_AGE_S = 24 * 3600

# ── What the browser may do ───────────────────────────────────────────────────────────────────────────────────
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, "'unsafe-inline'"],
        "img-src": [SELF, "data:", "blob:"],
        "connect-src": [SELF],
        "worker-src": [SELF, "blob:"],
        "font-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
# A cookie is shared by all ports of a host: two workbenches on one machine would sign each other out.
SESSION_COOKIE_NAME = f"workbench_session_{environment.port()}"
CSRF_COOKIE_NAME = f"workbench_csrf_{environment.port()}"

# ── Uploads: slices stay in memory, other bodies are bounded before Django (workbench/asgi.py) ─────────────────
UPLOAD_SLICE_BYTES = 8 << 20
MAX_BODY_BYTES = 2 << 20
FILE_UPLOAD_MAX_MEMORY_SIZE = UPLOAD_SLICE_BYTES + (1 << 20)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES

# ── Endpoints (models behind an API): whether they may be on this machine or its network ──────────────────────
ALLOW_PRIVATE_ENDPOINTS = environment.allow_private_endpoints()

# ── Static files, language, time ──────────────────────────────────────────────────────────────────────────────
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = WORKBENCH_HOME / "static"
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH = DEBUG
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = os.environ.get("TZ") or "UTC"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {"axes": {"level": "WARNING"}},
}
