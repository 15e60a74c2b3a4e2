/** ical.js (MPL-2.0, no dependencies): recurrence rules, and time zones that a file defines itself. */
export type Ical = Awaited<ReturnType<typeof loadIcal>>;

/** Loaded where a calendar is configured. */
export async function loadIcal() {
  return (await import('ical.js')).default;
}
