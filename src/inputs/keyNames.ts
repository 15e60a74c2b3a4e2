/** Names that key rows when nothing else is said. */
export const KEY_NAMES = new Set([
  ...['series', 'key', 'sensor', 'sensor_id', 'sensorid', 'device', 'device_id', 'deviceid', 'machine', 'machine_id'],
  ...['host', 'hostname', 'instance', 'metric', 'metric_name', 'name', 'id', 'asset', 'tag', 'unit'],
]);

/** Whole numbers under such a name count or measure nothing. */
export function isIdentifier(name: string): boolean {
  return KEY_NAMES.has(name.toLowerCase()) || /(^|[^a-z])(id|key|code|number)$|[a-z](Id|Key|Code|Number)$/i.test(name);
}
