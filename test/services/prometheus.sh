#!/usr/bin/env bash
# usage: prometheus.sh DATA_DIR   (env: PORT=9090, SCRAPE="name=host:port,..." , RULES=file.yml or a pattern, ALERTMANAGER=host:port, INTERVAL=1s)
set -euo pipefail
data=$(mkdir -p "$1" && cd "$1" && pwd); port=${PORT:-9090}
if ! command -v prometheus >/dev/null; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus >/dev/null
fi
[ -z "${INSTALL_ONLY:-}" ] || exit 0
cfg=$data/prometheus.yml
{
  printf 'global: {scrape_interval: %s, evaluation_interval: %s}\n' "${INTERVAL:-1s}" "${INTERVAL:-1s}"
  [ -z "${RULES:-}" ] || printf 'rule_files: ["%s"]\n' "$(realpath "$RULES")"
  [ -z "${ALERTMANAGER:-}" ] || printf 'alerting: {alertmanagers: [{static_configs: [{targets: ["%s"]}]}]}\n' "$ALERTMANAGER"
  printf 'scrape_configs:\n- job_name: prometheus\n  static_configs: [{targets: ["127.0.0.1:%s"]}]\n' "$port"
  IFS=, ; for s in ${SCRAPE:-}; do printf -- '- job_name: %s\n  static_configs: [{targets: ["%s"]}]\n' "${s%%=*}" "${s#*=}"; done
} >"$cfg"
promtool check config "$cfg" >&2
echo "prometheus http=127.0.0.1:$port"
exec prometheus --config.file="$cfg" --storage.tsdb.path="$data/tsdb" \
  --web.listen-address="127.0.0.1:$port" --web.enable-lifecycle --log.level=warn
