import type { GeneratedFile, Target } from './generated.ts';

/**
 * @param bin absolute path of the executable
 */
export function systemdUnit({ pipeline, slug, metricsPort, runbooks }: Target, bin: string): GeneratedFile {
  const unit = `anomaly-${slug}.service`;
  return {
    path: unit,
    about: [
      `/etc/systemd/system/${unit}: systemctl daemon-reload && systemctl enable --now ${unit}`,
      `It reads /etc/anomaly/${slug}.yaml, and passwords from /etc/anomaly/${slug}.env (mode 0600) as ANOMALY_SASL_PASSWORD=...`,
    ],
    content: {
      text: `[Unit]
Description=anomaly pipeline ${pipeline.replaceAll('%', '%%')}
${/^https?:\/\//.test(runbooks) ? `Documentation=${runbooks}\n` : ''}Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=10min
StartLimitBurst=10

[Service]
Type=exec
DynamicUser=yes
StateDirectory=anomaly/${slug}
CacheDirectory=anomaly/${slug}
Environment=XDG_CACHE_HOME=%C/anomaly/${slug}
EnvironmentFile=-/etc/anomaly/${slug}.env
# --instance: after a restart the same partitions come back without a wait for the session timeout.
ExecStart=${bin} run -f /etc/anomaly/${slug}.yaml --state-dir \${STATE_DIRECTORY} --instance %H --metrics 127.0.0.1:${metricsPort}
Restart=always
RestartSec=5s
# Usage, configuration, login: another start would end the same way.
RestartPreventExitStatus=2 4
SuccessExitStatus=130 143
# SIGTERM drains and commits, and stores a last checkpoint.
KillMode=mixed
TimeoutStopSec=60s
# Room for sockets, segments of state and logs.
LimitNOFILE=65536

# Node compiles as it runs, so memory has to be writable and executable: no MemoryDenyWriteExecute.
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
CapabilityBoundingSet=
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0077

[Install]
WantedBy=multi-user.target
`,
    },
  };
}
