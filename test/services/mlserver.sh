#!/usr/bin/env bash
# usage: mlserver.sh DATA_DIR   (env: PORT=8080, GRPC_PORT=8081, METRICS_PORT=8082, PYTHON=python3, MLSERVER_VERSION,
#   VENV=where it is installed once, INSTALL_ONLY=1 ends after the installation)
set -euo pipefail
data=$(mkdir -p "$1" && cd "$1" && pwd); port=${PORT:-8080}; venv=${VENV:-$data/venv}
models=$(cd "$(dirname "$0")/mlserver" && pwd)
mkdir -p "$venv"
# Who comes second waits for the first one's installation; one that was killed is made again.
(
  flock 9
  [ -e "$venv/installed" ] && exit 0
  "${PYTHON:-python3}" -m venv --clear "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check "mlserver==${MLSERVER_VERSION:-1.7.1}" >&2
  touch "$venv/installed"
) 9>"$venv.lock"
[ -z "${INSTALL_ONLY:-}" ] || exit 0
cp -r "$models/." "$data/models"
export MLSERVER_HOST=127.0.0.1 MLSERVER_HTTP_PORT=$port MLSERVER_GRPC_PORT=${GRPC_PORT:-8081} MLSERVER_METRICS_PORT=${METRICS_PORT:-8082}
# In one process; no metrics of several, whose files it would write here.
export MLSERVER_PARALLEL_WORKERS=0 MLSERVER_METRICS_DIR=$data PYTHONDONTWRITEBYTECODE=1
echo "mlserver http=127.0.0.1:$port"
cd "$data" && exec "$venv/bin/mlserver" start "$data/models"
