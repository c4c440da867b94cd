# One image for both processes: the webhook (`serve`, the default) and the certificate controller (`python -m certs`).
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /build
COPY requirements.lock .
# The environment has no pip, because nothing is installed later. Bytecode is compiled here, because the container's root
# file system may be read-only.
RUN python -m venv --without-pip /opt/venv \
    && python -m pip --python /opt/venv/bin/python install --no-cache-dir --require-hashes -r requirements.lock
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
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="spark-eci-webhook" \
      org.opencontainers.image.description="Places Spark pods on ECS and ECI, for whole namespaces" \
      org.opencontainers.image.licenses="Apache-2.0" \
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
