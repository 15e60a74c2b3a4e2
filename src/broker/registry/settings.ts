import type { CompatibilityLevel } from '../../schemas/compatibilityLevel.ts';
import type { RegistryChange, RegistryMode } from './changes.ts';
import { REGISTRY_ERRORS as CODES, failures, RegistryError } from './errors.ts';
import type { RegistryState } from './state.ts';

/** Compatibility levels and modes, each of a subject or of all (null). All methods throw RegistryError. */
export class RegistrySettings {
  private readonly state: RegistryState;
  private readonly change: (change: RegistryChange) => void;

  constructor(state: RegistryState, change: (change: RegistryChange) => void) {
    this.state = state;
    this.change = change;
  }

  level(subject: string | null, orGlobal: boolean): CompatibilityLevel {
    const level = orGlobal || subject === null ? this.state.level(subject) : this.state.ownLevel(subject);
    if (level !== undefined) return level;
    const reason = `Subject '${subject}' does not have subject-level compatibility configured`;
    throw new RegistryError(CODES.compatibilityMissing, reason);
  }

  /** Null takes a setting away; the result is the level that was there, or is there now. */
  setLevel(subject: string | null, level: CompatibilityLevel | null): CompatibilityLevel {
    this.checkWritable(subject);
    const old = subject === null ? this.state.level(null) : this.state.ownLevel(subject);
    if (level === null && old === undefined) throw failures.subjectMissing(subject!);
    this.change({ kind: 'level', subject, level });
    return level ?? old!;
  }

  mode(subject: string | null, orGlobal: boolean): RegistryMode {
    const mode = orGlobal || subject === null ? this.state.mode(subject) : this.state.ownMode(subject);
    if (mode !== undefined) return mode;
    const reason = `Subject '${subject}' does not have subject-level mode configured`;
    throw new RegistryError(CODES.modeMissing, reason);
  }

  setMode(subject: string | null, mode: RegistryMode | null, force: boolean): RegistryMode {
    const old = subject === null ? this.state.mode(null) : this.state.ownMode(subject);
    if (mode === null && old === undefined) throw failures.subjectMissing(subject!);
    const hasVersions = subject === null ? this.state.hasVersions() : this.state.versions(subject).length > 0;
    if (mode === 'IMPORT' && !force && hasVersions && this.state.mode(subject) !== 'IMPORT') {
      throw new RegistryError(
        CODES.notPermitted,
        'Cannot import since found existing subjects; force=true does it anyway',
      );
    }
    this.change({ kind: 'mode', subject, mode });
    return mode ?? old!;
  }

  checkWritable(subject: string | null): void {
    if (this.state.mode(subject) === 'READONLY') throw failures.readOnly(subject);
  }
}
