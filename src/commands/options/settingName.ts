import type { Settings } from '../../config/settings.ts';

/** What a user gave a setting by, for messages: '--time', 'source.time (anomaly.yaml:4)', 'source.time (ANOMALY_...)'. */
export function settingName(settings: Settings, key: string): string {
  const { origin, place } = settings.origin(key);
  if (origin === 'flag') return place;
  return place === '' ? key : `${key} (${place})`;
}
