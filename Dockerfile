# One image for setup, web and worker; docker-compose.yml says which command each runs. By version a base may still be
# built anew; docs/deploying.md says how to pin it by digest.
ARG PYTHON_VERSION=3.13.9
FROM python:${PYTHON_VERSION}-slim-trixie

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /srv/holdpoint

# requirements-models.lock has the packages of the model providers as well.
ARG LOCK=requirements-production.lock
COPY ${LOCK} ./
RUN pip install --require-hashes -r ${LOCK}

COPY manage.py ./
COPY approvals approvals
COPY chains chains
COPY templates templates
COPY static static

# Reading the settings needs the last three; nothing is connected to, and none of them stays in the image.
RUN HOLDPOINT_COLLECTING=1 \
    HOLDPOINT_SECRET_KEY=for-collecting-static-files-and-nothing-else \
    DATABASE_URL=postgresql://nobody@localhost/nothing \
    REDIS_URL=redis://localhost \
    python manage.py collectstatic --noinput --verbosity 0
RUN python -m compileall -q approvals chains

RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin holdpoint \
    && install --directory --owner=holdpoint --mode=0700 var
USER holdpoint
EXPOSE 8000
