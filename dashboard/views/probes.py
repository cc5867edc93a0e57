"""Is the process alive, and can it serve?"""

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

SECONDS = 1


@never_cache
@require_safe
def alive(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """200 while the process answers at all."""
    return JsonResponse({"alive": True})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """200 when the database answers, else 503.

    Redis carries hints only: without it pages still load and wishes are still
    stored, so it is reported and does not take the process out of service.
    """
    database = database_answers()
    report = {"ready": database, "database": database, "redis": redis_answers()}
    return JsonResponse(report, status=200 if database else 503)


def database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def redis_answers() -> bool:
    if not settings.REDIS_URL:
        return False
    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=SECONDS, socket_timeout=SECONDS)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
