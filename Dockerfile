# One image for webhook and operator: the wheel of this checkout, and what it needs, locked.
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml uv.lock README.md LICENSE CHANGELOG.md ./
COPY cli cli
COPY core core
COPY kube kube
COPY operator operator
COPY webhook webhook
RUN pip install --no-cache-dir uv==0.13.9 \
 && uv export --quiet --locked --no-default-groups --no-emit-project --output-file /tmp/locked.txt \
 && python -m venv /venv \
 && uv pip install --python /venv/bin/python --quiet --require-hashes --requirement /tmp/locked.txt \
 && uv build --quiet --wheel --out-dir /tmp/wheel \
 && uv pip install --python /venv/bin/python --quiet --no-deps /tmp/wheel/*.whl

FROM python:3.13-slim
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /tmp
USER 65532:65532
CMD ["python", "-m", "curfew_webhook", "--help"]
