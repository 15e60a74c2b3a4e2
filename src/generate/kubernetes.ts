import { CONFIG_PATH, STATE_DIR } from './dockerfile.ts';
import type { GeneratedFile, Target } from './generated.ts';

export interface KubernetesOptions {
  readonly image: string;
  readonly replicas: number;
  /** For the operator of Prometheus. */
  readonly serviceMonitor: boolean;
}

/** Longest time that a stop may take: to drain, to commit, to store a last checkpoint. */
const STOP_SECONDS = 60;

/** A StatefulSet, since a member keeps its name: pods are static members of the group by theirs. */
export function kubernetesManifests(target: Target, options: KubernetesOptions): GeneratedFile {
  const { slug, configText = '' } = target;
  const name = `anomaly-${slug}`;
  const labels = { 'app.kubernetes.io/name': 'anomaly', 'app.kubernetes.io/instance': name };
  const meta = (of = name) => ({ name: of, labels });
  const documents = [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta(), data: { 'anomaly.yaml': configText } },
    {
      ...{ apiVersion: 'v1', kind: 'Service', metadata: meta() },
      spec: {
        clusterIP: 'None',
        // A member that restores is scraped, too.
        publishNotReadyAddresses: true,
        selector: labels,
        ports: [{ name: 'metrics', port: target.metricsPort, targetPort: 'metrics' }],
      },
    },
    {
      ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: meta() },
      spec: {
        ...{ serviceName: name, replicas: options.replicas, podManagementPolicy: 'Parallel' },
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: podSpec(target, name, options) },
        volumeClaimTemplates: [
          {
            metadata: { name: 'state' },
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
          },
        ],
      },
    },
    {
      ...{ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: meta() },
      spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
    },
    ...(options.serviceMonitor
      ? [
          {
            ...{ apiVersion: 'monitoring.coreos.com/v1', kind: 'ServiceMonitor', metadata: meta() },
            spec: { selector: { matchLabels: labels }, endpoints: [{ port: 'metrics', interval: '15s' }] },
          },
        ]
      : []),
  ];
  return {
    path: `${name}.yaml`,
    about: [
      `kubectl apply -f ${name}.yaml. The Secret ${name} may set any key as its variable: passwords, and the brokers where`,
      `anomaly.yaml names none: kubectl create secret generic ${name} --from-literal=ANOMALY_BROKERS=... --from-literal=ANOMALY_SASL_PASSWORD=...`,
      'Checkpoints have to be where every pod reaches them, as s3://: another pod may get the partitions.',
      `A stop sends SIGTERM: the member drains and commits within ${STOP_SECONDS} s. No preStop is needed, as nobody calls it.`,
    ],
    content: { yaml: documents },
  };
}

function podSpec({ metricsPort }: Target, name: string, { image }: KubernetesOptions): unknown {
  const probe = (path: string, more: object) => {
    return { httpGet: { path, port: 'metrics' }, periodSeconds: 10, timeoutSeconds: 5, ...more };
  };
  return {
    terminationGracePeriodSeconds: STOP_SECONDS,
    automountServiceAccountToken: false,
    securityContext: {
      ...{ runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    topologySpreadConstraints: [
      {
        ...{ maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway' },
        labelSelector: { matchLabels: { 'app.kubernetes.io/instance': name } },
      },
    ],
    containers: [
      {
        ...{ name: 'anomaly', image, imagePullPolicy: 'IfNotPresent' },
        args: [
          ...['run', '-f', CONFIG_PATH, '--instance', '$(POD_NAME)', '--state-dir', STATE_DIR],
          ...['--metrics', `0.0.0.0:${metricsPort}`],
        ],
        env: [{ name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
        envFrom: [{ secretRef: { name, optional: true } }],
        ports: [{ name: 'metrics', containerPort: metricsPort }],
        startupProbe: probe('/livez', { failureThreshold: 30, periodSeconds: 2 }),
        livenessProbe: probe('/livez', { failureThreshold: 6 }),
        readinessProbe: probe('/readyz', { failureThreshold: 2 }),
        resources: { requests: { cpu: '500m', memory: '512Mi' }, limits: { memory: '1Gi' } },
        securityContext: {
          ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [
          { name: 'config', mountPath: CONFIG_PATH.replace(/\/[^/]+$/, ''), readOnly: true },
          { name: 'state', mountPath: STATE_DIR },
          { name: 'tmp', mountPath: '/tmp' },
        ],
      },
    ],
    volumes: [
      { name: 'config', configMap: { name } },
      { name: 'tmp', emptyDir: {} },
    ],
  };
}
