#!/usr/bin/env bash
# usage: minio.sh DATA_DIR   (env: PORT=9000, CONSOLE_PORT=9001, MINIO_ROOT_USER/MINIO_ROOT_PASSWORD, BIN_DIR=cache for the binary,
#   INSTALL_ONLY=1 ends after the installation)
# Builds MinIO once from the Go module (pinned pseudo-version); about 2 GB of Go module and build cache can be dropped afterwards.
set -euo pipefail
data=$(mkdir -p "$1" && cd "$1" && pwd); port=${PORT:-9000}; cport=${CONSOLE_PORT:-9001}
bin=${BIN_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/svc-bin}; ver=v0.0.0-20260212201848-7aac2a2c5b7c
mkdir -p "$bin"
# Who comes second waits for the first one's installation.
(
  flock 9
  [ -x "$bin/minio" ] && exit 0
  # A build that is killed leaves no half a program behind: it is made aside.
  GOBIN=$bin/new GOFLAGS=-buildvcs=false go install -ldflags '-s -w' "github.com/minio/minio@$ver" >&2
  mv "$bin/new/minio" "$bin/minio"
) 9>"$bin/minio.lock"
[ -z "${INSTALL_ONLY:-}" ] || exit 0
export MINIO_ROOT_USER=${MINIO_ROOT_USER:-minioadmin} MINIO_ROOT_PASSWORD=${MINIO_ROOT_PASSWORD:-minioadmin}
export MINIO_UPDATE=off MINIO_CALLHOME_ENABLE=off CI=true
echo "minio s3=127.0.0.1:$port console=127.0.0.1:$cport"
exec "$bin/minio" server "$data/s3" --address "127.0.0.1:$port" --console-address "127.0.0.1:$cport" --quiet
