# One image for both processes: the webhook (`serve`, the default) and the certificate controller (`python -m certs`).
# The base is pinned: the index of all architectures that docker-library/repo-info lists for the build of 5 August 2026.
# `make base` pins the newest one.
ARG BASE_IMAGE=python:3.13-slim@sha256:9662417aace5ae7b8e2609cce472b72a8958e134ba372808abe9cc1a0c0125e6

FROM ${BASE_IMAGE} AS build
WORKDIR /build
COPY requirements.lock .
# The environment has no pip, because nothing is installed later. Bytecode is compiled below: here, because the container's root
# file system may be read-only, and without the time of the source in it, because layers round times to seconds. Half of what
# pip compiles would be out of date, and compiled again at every start.
RUN python -m venv --without-pip /opt/venv \
    && python -m pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --require-hashes -r requirements.lock
# Nothing here imports these: the asyncio client of the kubernetes library with what only that needs, and the tests and
# benchmarks of libraries. tests/image/test_left_out.py proves it. A folder that does not exist fails the build.
RUN unused_packages="aiohttp aiohttp-retry aiosignal aiohappyeyeballs frozenlist multidict propcache yarl" \
    && unused_folders="kubernetes/aio prometheus_client/aiohttp jsonschema/benchmarks \
         jsonschema/tests referencing/tests websocket/tests" \
    && libraries=$(/opt/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') \
    && for name in $unused_packages; do \
         python -m pip --python /opt/venv/bin/python uninstall --quiet --yes "$name" || exit 1; \
       done \
    && for folder in $unused_folders; do rm -r "${libraries:?}/$folder" || exit 1; done \
    # The generated code of the kubernetes library is 32 MB of text and 20 MB of bytecode. The bytecode is enough.
    && python -m compileall -q -b --invalidation-mode unchecked-hash "$libraries/kubernetes/client" \
    && find "$libraries/kubernetes/client" -name '*.py' -delete \
    # With -f, because pip has imported some libraries, which also left bytecode with a time.
    && python -m compileall -q -f --invalidation-mode unchecked-hash "$libraries"
COPY webhook /app/webhook
COPY certs /app/certs
COPY charts/spark-eci-webhook/values.yaml charts/spark-eci-webhook/values.schema.json /app/charts/spark-eci-webhook/
# The commands by their names, for `kubectl exec` and for `--entrypoint`.
RUN python -m compileall -q --invalidation-mode unchecked-hash /app \
    && for name in webhook certs; do \
         printf '#!/opt/venv/bin/python\nimport sys\nfrom %s.__main__ import main\n\nsys.exit(main())\n' "$name" \
           > "/opt/venv/bin/spark-eci-$name" && chmod 755 "/opt/venv/bin/spark-eci-$name" || exit 1; \
       done

FROM ${BASE_IMAGE}
ARG VERSION=1.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="spark-eci-webhook" \
      org.opencontainers.image.description="Places Spark pods on ECS and ECI, for whole namespaces" \
      org.opencontainers.image.licenses="Apache-2.0 AND MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
COPY LICENSE /app/LICENSE
# Container runtimes mount memory at /dev/shm, also if the root file system is read-only. Some commands need a temporary folder:
# for the certificates in a kubeconfig, and for those that `try` makes.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TMPDIR=/dev/shm \
    ECI_WEBHOOK_HOST=:: \
    ECI_WEBHOOK_OPERATIONS_HOST=:: \
    ECI_WEBHOOK_TLS_DIR=/etc/spark-eci-webhook/tls
# Folders for mounts. They cannot be created later if the root file system is read-only.
WORKDIR /etc/spark-eci-webhook/tls
WORKDIR /etc/spark-eci-webhook/policy
WORKDIR /app
USER 65532:65532
EXPOSE 8443 8080
ENTRYPOINT ["python", "-m", "webhook"]
CMD ["serve"]
