#!/usr/bin/env bash
# usage: fastapi.sh DATA_DIR   (env: PORT=8000, PYTHON=python3, FASTAPI_VERSION, UVICORN_VERSION, VENV=where they are
#   installed once, TOKEN=what a caller has to give as a bearer, INSTALL_ONLY=1 ends after the installation)
set -euo pipefail
data=$(mkdir -p "$1" && cd "$1" && pwd); port=${PORT:-8000}; venv=${VENV:-$data/venv}
app=$(cd "$(dirname "$0")/fastapi" && pwd)
mkdir -p "$venv"
# Who comes second waits for the first one's installation; one that was killed is made again.
(
  flock 9
  [ -e "$venv/installed" ] && exit 0
  "${PYTHON:-python3}" -m venv --clear "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check \
    "fastapi==${FASTAPI_VERSION:-0.165.0}" "uvicorn==${UVICORN_VERSION:-0.54.0}" >&2
  touch "$venv/installed"
) 9>"$venv.lock"
[ -z "${INSTALL_ONLY:-}" ] || exit 0
echo "fastapi http=127.0.0.1:$port"
exec env PYTHONDONTWRITEBYTECODE=1 "$venv/bin/uvicorn" model:app --app-dir "$app" --host 127.0.0.1 --port "$port" --no-access-log
