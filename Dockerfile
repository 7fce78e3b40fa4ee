# The image of a Ray cluster on Kubernetes, for its head and its workers (jobs/kuberay.yaml):
#
#   docker build -t YOUR-REGISTRY/morphsep:0.1.0 . && docker push YOUR-REGISTRY/morphsep:0.1.0
#
# Ray's version is that of constraints.txt and the Python is the same in both stages: tests see to it.
FROM python:3.12-slim AS build
WORKDIR /build
COPY constraints.txt pyproject.toml README.md LICENSE ./
# morphsep/pipelines is a link to the folder pipelines
COPY morphsep morphsep
COPY pipelines pipelines
RUN pip install --no-cache-dir -c constraints.txt setuptools
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist .

FROM rayproject/ray:2.60.0-py312-gpu
# ffmpeg reads m4a, aac and wma; pedalboard's wheel is linked against libatomic
RUN sudo apt-get update \
 && sudo apt-get install -y --no-install-recommends ffmpeg libatomic1 \
 && sudo rm -rf /var/lib/apt/lists/*
COPY --from=build --chown=ray /build/constraints.txt /build/dist/ ./
RUN pip install --no-cache-dir -c constraints.txt "$(ls morphsep-*.whl)[ray]"
