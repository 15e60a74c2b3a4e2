#!/usr/bin/env bash
# usage: mlflow.sh DATA_DIR   (env: PORT=5000, PYTHON=python3, MLFLOW_VERSION=3.17.2, VENV=where MLflow is installed once,
#   INSTALL_ONLY=1 ends after the installation)
set -euo pipefail
data=$(mkdir -p "$1" && cd "$1" && pwd); port=${PORT:-5000}; venv=${VENV:-$data/venv}
mkdir -p "$venv"
# Who comes second waits for the first one's installation; one that was killed is made again.
(
  flock 9
  [ -e "$venv/installed" ] && exit 0
  "${PYTHON:-python3}" -m venv --clear "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check "mlflow==${MLFLOW_VERSION:-3.17.2}" >&2
  touch "$venv/installed"
) 9>"$venv.lock"
[ -z "${INSTALL_ONLY:-}" ] || exit 0
export MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=true
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION=${MLFLOW_SERVER_ENABLE_JOB_EXECUTION:-false} # saves a process of ~230 MB
echo "mlflow http=127.0.0.1:$port"
exec "$venv/bin/mlflow" server --host 127.0.0.1 --port "$port" --workers 1 \
  --backend-store-uri "sqlite:///$data/mlflow.db" --artifacts-destination "$data/artifacts" --serve-artifacts
