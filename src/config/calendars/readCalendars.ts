import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { CalendarConfig } from '../pipelineConfig.ts';
import type { Problem } from '../problem.ts';
import { calendarFile } from './calendarFile.ts';
import { CalendarProblem, contentLines } from './contentLines.ts';
import { loadIcal } from './library.ts';
import { occurrences } from './occurrences.ts';

/**
 * Reads the iCalendar files (RFC 5545) of `calendars`. What is wrong with one is added to the problems, with its file,
 * line and property.
 *
 * @param files by name, relative to `cwd`
 * @param place of the key `calendars`
 */
export async function readCalendars(
  files: Readonly<Record<string, string>>,
  place: string,
  cwd: string,
  problems: Problem[],
): Promise<Readonly<Record<string, CalendarConfig>>> {
  const ical = await loadIcal();
  const calendars: Record<string, CalendarConfig> = {};
  for (const [name, file] of Object.entries(files)) {
    let bytes: Uint8Array;
    try {
      bytes = await readFile(isAbsolute(file) ? file : join(cwd, file));
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      const reason = isMissing ? 'there is no such file' : (error as Error).message;
      const message = `is ${file}, which cannot be read as ${reason}`;
      problems.push({ place, key: `calendars.${name}`, message, later: false });
      continue;
    }
    try {
      const text = new TextDecoder().decode(bytes);
      const spans = occurrences(ical, calendarFile(contentLines(text)));
      calendars[name] = { file, sha256: createHash('sha256').update(bytes).digest('hex'), spans };
    } catch (error) {
      if (!(error instanceof CalendarProblem)) throw error;
      const { line, property: key, message } = error;
      problems.push({ place: `${file}:${line}`, key, message, later: false });
    }
  }
  return calendars;
}
