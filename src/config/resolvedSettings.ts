import { readFileSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { AnomalyError, withoutPassword } from '../errors.ts';
import { parseText } from './check.ts';
import type { Origin } from './origin.ts';
import { pipelineOf } from './pipeline.ts';
import type { PipelineConfig } from './pipelineConfig.ts';
import type { PlainSettings } from './plainSettings.ts';
import type { Problem } from './problem.ts';
import { problemError } from './problems.ts';
import type { SettingRow } from './settingRow.ts';
import type { Settings } from './settings.ts';
import { SETTINGS_TABLE, settingRow } from './settingsTable.ts';
import { isSecretReference } from './values.ts';

export class ResolvedSettings implements Settings {
  readonly problems: readonly Problem[];
  readonly files: PlainSettings['files'];
  readonly #parts: PlainSettings;
  readonly #pipes = new Map<string, string>();

  constructor(parts: PlainSettings) {
    this.#parts = parts;
    this.problems = parts.problems;
    this.files = parts.files;
  }

  get(key: string): unknown {
    const row = known(key);
    const found = this.#parts.found.get(row.key);
    if (found !== undefined) return row.type === 'secret' ? this.secret(key) : found.value;
    if (row.key === 'state_dir') return this.#parts.stateDirectory;
    return row.default === undefined ? undefined : parseText(row, row.default).value;
  }

  string(key: string): string {
    return this.#typed(key, 'string') as string;
  }

  optionalString(key: string): string | undefined {
    return this.get(key) as string | undefined;
  }

  number(key: string): number {
    return this.#typed(key, 'number') as number;
  }

  boolean(key: string): boolean {
    return this.#typed(key, 'boolean') as boolean;
  }

  list(key: string): readonly string[] {
    return (this.get(key) as string[] | undefined) ?? [];
  }

  durationMs(key: string): number {
    return this.number(key);
  }

  secret(key: string): string | undefined {
    const found = this.#parts.found.get(known(key).key);
    if (found === undefined) return undefined;
    return this.reference(found.value as string, `${found.place}: ${key}`);
  }

  reference(text: string, place: string): string {
    if (!isSecretReference(text)) return text;
    const target = text.slice(text.indexOf(':') + 1);
    if (text.startsWith('env:')) {
      const value = this.#parts.env[target];
      if (value === undefined || value === '') {
        throw new AnomalyError('ANM_CONFIG', `${place} names ${target}, which the environment does not have`);
      }
      return value;
    }
    try {
      return this.#secretFile(this.#secretPath(target));
    } catch (cause) {
      throw new AnomalyError('ANM_CONFIG', `${place} names the file ${target}, which cannot be read`, { cause });
    }
  }

  origin(key: string): { origin: Origin; place: string } {
    const found = this.#parts.found.get(known(key).key);
    return found === undefined ? { origin: 'default', place: '' } : { origin: found.origin, place: found.place };
  }

  pipeline(defaults: Readonly<Record<string, unknown>> = {}): PipelineConfig {
    const { found, sections, calendars } = this.#parts;
    const isScore = (key: string) => key.startsWith('score.');
    const problems: Problem[] = [];
    const config = pipelineOf(
      {
        get: (key) => (found.has(key) ? this.get(key) : (defaults[key] ?? this.get(key))),
        place: (key) => this.origin(key).place || 'default',
        ...(calendars !== undefined && { calendars }),
        scoring: sections.has('score') || [...found.keys()].some(isScore) || Object.keys(defaults).some(isScore),
      },
      problems,
    );
    if (problems.length > 0) throw problemError(problems);
    return config;
  }

  plain(): PlainSettings {
    const found = new Map(this.#parts.found);
    for (const [key, each] of found) {
      const text = String(each.value);
      if (settingRow(key)?.type !== 'secret' || !text.startsWith('file:')) continue;
      // A pipe is read by now, and would be empty for whoever reads it next; a missing file fails here by its name.
      if (!isFile(this.#secretPath(text.slice('file:'.length)))) found.set(key, { ...each, value: this.secret(key) });
    }
    return { ...this.#parts, found, env: { ...this.#parts.env } };
  }

  *entries(): IterableIterator<{ key: string; value: unknown; origin: Origin; place: string; secret: boolean }> {
    for (const row of SETTINGS_TABLE) {
      const secret = row.type === 'secret';
      const isSet = this.#parts.found.has(row.key);
      const value = secret ? (isSet ? REDACTED : undefined) : withoutPasswords(this.get(row.key));
      yield { key: row.key, value, ...this.origin(row.key), secret };
    }
  }

  /** Read each time, as a token may be renewed; a pipe (<(pass show redpanda)) can be read once only. */
  #secretFile(path: string): string {
    const before = this.#pipes.get(path);
    if (before !== undefined) return before;
    const isPipe = !statSync(path).isFile();
    const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    if (isPipe) this.#pipes.set(path, text);
    return text;
  }

  #secretPath(target: string): string {
    return isAbsolute(target) ? target : join(this.#parts.cwd, target);
  }

  #typed(key: string, type: 'string' | 'number' | 'boolean'): unknown {
    const value = this.get(key);
    if (typeof value === type) return value;
    if (value === undefined) throw new AnomalyError('ANM_CONFIG', `${key} is not set`);
    throw new AnomalyError('ANM_INTERNAL', `${key} was read as a ${type} but is ${typeof value}`);
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

const REDACTED = '********';

/** http://user:password@host without the password. */
function withoutPasswords(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPasswords);
  return typeof value === 'string' ? withoutPassword(value) : value;
}

function known(key: string): SettingRow {
  const row = settingRow(key);
  if (row === undefined) throw new AnomalyError('ANM_INTERNAL', `${key} is no key of the settings table`);
  return row;
}
