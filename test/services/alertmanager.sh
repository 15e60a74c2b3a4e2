#!/usr/bin/env bash
# usage: alertmanager.sh DATA_DIR   (env: PORT=9093, and WEBHOOK=http://127.0.0.1:PORT/path or CONFIG=file.yml)
set -euo pipefail
data=$(mkdir -p "$1" && cd "$1" && pwd); port=${PORT:-9093}
if ! command -v prometheus-alertmanager >/dev/null; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus-alertmanager >/dev/null
fi
[ -z "${INSTALL_ONLY:-}" ] || exit 0
cfg=${CONFIG:-}
if [ -z "$cfg" ]; then
  cfg=$data/alertmanager.yml
  {
    printf 'route: {receiver: hook, group_wait: 1s, group_interval: 1s, repeat_interval: 1h}\nreceivers:\n- name: hook\n'
    [ -z "${WEBHOOK:-}" ] || printf '  webhook_configs: [{url: "%s"}]\n' "$WEBHOOK"
  } >"$cfg"
fi
amtool check-config "$cfg" >&2
echo "alertmanager http=127.0.0.1:$port"
# no gossip port: single node
exec prometheus-alertmanager --config.file="$cfg" --storage.path="$data/am" \
  --web.listen-address="127.0.0.1:$port" --cluster.listen-address= --log.level=warn
