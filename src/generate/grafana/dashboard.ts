import type { GeneratedFile, Target } from '../generated.ts';
import { DATASOURCE, panels } from './panels.ts';

/** One dashboard whose panels answer questions in the order in which they are asked. Grafana 11 and 12 take it. */
export function grafanaDashboard(target: Target): GeneratedFile {
  const { pipeline, slug } = target;
  const variable = { hide: 0, skipUrlSync: false, multi: false, includeAll: false, options: [] };
  return {
    path: `anomaly-${slug}.json`,
    about: [],
    content: {
      json: {
        uid: `anomaly-${slug}`.slice(0, 40),
        title: `anomaly: ${pipeline}`,
        description: 'Is it up, is it in time, what does it find? Made by anomaly generate grafana-dashboard.',
        tags: ['anomaly'],
        timezone: 'browser',
        schemaVersion: 39,
        version: 1,
        editable: true,
        graphTooltip: 1,
        refresh: '30s',
        time: { from: 'now-6h', to: 'now' },
        annotations: { list: [] },
        links: [],
        templating: {
          list: [
            {
              ...variable,
              name: 'datasource',
              label: 'Data source',
              type: 'datasource',
              query: 'prometheus',
              current: {},
            },
            {
              ...{ ...variable, name: 'pipeline', label: 'Pipeline', type: 'query', refresh: 2, sort: 1 },
              datasource: DATASOURCE,
              definition: 'label_values(anomaly_member_info, pipeline)',
              query: { query: 'label_values(anomaly_member_info, pipeline)', refId: 'pipelines' },
              current: { selected: true, text: pipeline, value: pipeline },
            },
          ],
        },
        panels: panels(),
      },
    },
  };
}
