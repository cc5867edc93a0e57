# One image for every process of Timoneiro; docker-compose.yml says which process does what.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/app \
    DJANGO_SETTINGS_MODULE=dashboard.settings.production DATA_DIR=/data

WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt

COPY manage.py ./
COPY dashboard ./dashboard
COPY deployments ./deployments
COPY teams ./teams
COPY k8s ./k8s
COPY templates ./templates
COPY static ./static

RUN useradd --system --uid 10001 timoneiro && install -d -o timoneiro -m 0700 /data
USER 10001
VOLUME /data
EXPOSE 8000
CMD ["python", "-m", "uvicorn", "dashboard.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--timeout-graceful-shutdown", "3"]
