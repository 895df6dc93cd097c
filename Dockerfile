# Builds the program into a folder of its own, and takes only that along.
FROM python:3.13-slim-trixie AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY server server
# Such as "formats,postgres,s3,metrics" for a team's server.
ARG EXTRAS=""
RUN python -m venv /opt/fermata && /opt/fermata/bin/pip install --no-cache-dir ".[${EXTRAS}]" && /opt/fermata/bin/python -m compileall -q /opt/fermata

FROM python:3.13-slim-trixie
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin fermata \
    && install -d -m 1777 /data /music
COPY --from=build /opt/fermata /opt/fermata
ENV PATH=/opt/fermata/bin:$PATH PYTHONDONTWRITEBYTECODE=1 HOME=/data \
    FERMATA_DATA_DIR=/data/fermata FERMATA_OUTPUT_DIR=/music/Fermata
USER 10001:10001
WORKDIR /music
VOLUME ["/data", "/music"]
ENTRYPOINT ["fermata-mcp"]
