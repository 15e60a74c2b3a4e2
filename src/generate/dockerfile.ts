import type { GeneratedFile, Target } from './generated.ts';

export const NODE_IMAGE = 'node:22.20.0-bookworm-slim';
/** Where the package lies in the image. */
export const INSTALLED = '/opt/anomaly';
export const STATE_DIR = '/var/lib/anomaly';
export const CONFIG_PATH = '/etc/anomaly/anomaly.yaml';

/** The tool in an image of its own: the packed package, without what builds it. */
export function dockerfile({ metricsPort, toolVersion }: Pick<Target, 'metricsPort' | 'toolVersion'>): GeneratedFile {
  // A failure that nobody catches ends node with 1.
  const probe = `fetch('http://127.0.0.1:${metricsPort}/livez').then(r=>{if(!r.ok)throw r.status})`;
  return {
    path: 'Dockerfile',
    about: [
      `npm pack in a clone of anomaly makes anomaly-${toolVersion}.tgz: put it beside this file, then docker build -t anomaly:${toolVersion} .`,
      `The pipeline is mounted: docker run -v ./anomaly.yaml:${CONFIG_PATH}:ro -v state:${STATE_DIR} anomaly:${toolVersion}`,
    ],
    content: {
      text: `FROM ${NODE_IMAGE} AS install
ARG PACKAGE=anomaly-${toolVersion}.tgz
COPY \${PACKAGE} /tmp/anomaly.tgz
# Optional packages are left out: the fast client, detectors and models in WebAssembly need none. Without
# --omit=optional lmdb (state.backend: lmdb) is in, too.
RUN npm install --prefix ${INSTALLED} --omit=dev --omit=optional --no-audit --no-fund /tmp/anomaly.tgz \\
 && npm cache clean --force

FROM ${NODE_IMAGE}
COPY --from=install ${INSTALLED} ${INSTALLED}
RUN ln -s ${INSTALLED}/node_modules/.bin/anomaly /usr/local/bin/anomaly \\
 && mkdir -p ${STATE_DIR} /etc/anomaly && chown node:node ${STATE_DIR}
ENV NODE_ENV=production \\
    ANOMALY_STATE_DIR=${STATE_DIR} \\
    XDG_CACHE_HOME=${STATE_DIR}/cache \\
    XDG_DATA_HOME=${STATE_DIR}/data \\
    ANOMALY_METRICS_LISTEN=0.0.0.0:${metricsPort}
USER node
WORKDIR ${STATE_DIR}
VOLUME ${STATE_DIR}
EXPOSE ${metricsPort}
# SIGTERM drains and commits; docker stop has to leave time for it: --time 60.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \\
  CMD ["node", "-e", "${probe}"]
ENTRYPOINT ["anomaly"]
CMD ["run", "-f", "${CONFIG_PATH}"]
`,
    },
  };
}
