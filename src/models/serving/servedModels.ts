import { RequestError } from './requestError.ts';
import type { ServedModel } from './servedModel.ts';

/** What the server has under a name: versions, the one that is meant where none is named, and aliases as versions. */
interface Family {
  readonly versions: Map<string, ServedModel>;
  readonly aliases: Map<string, string>;
  /** An alias, or a version. */
  readonly chosen: string;
}

/** The models that a server answers for. */
export class ServedModels {
  readonly #families = new Map<string, Family>();

  /** The first of a name, version or alias, is the one that is meant where a request names none. */
  add(model: ServedModel, alias?: string): void {
    const { name, version } = model;
    const family = this.#families.get(name) ?? { versions: new Map(), aliases: new Map(), chosen: alias ?? version };
    this.#families.set(name, family);
    family.versions.set(version, model);
    if (alias !== undefined) family.aliases.set(alias, version);
  }

  /** Moves an alias to a version that was added. */
  move(name: string, alias: string, version: string): void {
    this.#families.get(name)!.aliases.set(alias, version);
  }

  /** Takes a version away, and gives it to be closed. */
  remove(name: string, version: string): ServedModel | undefined {
    const family = this.#families.get(name);
    const model = family?.versions.get(version);
    family?.versions.delete(version);
    return model;
  }

  all(): ServedModel[] {
    return [...this.#families.values()].flatMap(({ versions }) => [...versions.values()]);
  }

  get names(): string[] {
    return [...this.#families.keys()];
  }

  has(name: string, version: string): boolean {
    return this.#families.get(name)?.versions.has(version) === true;
  }

  /** Ascending. */
  versions(name: string): string[] {
    return [...(this.#families.get(name)?.versions.keys() ?? [])].sort((a, b) => Number(a) - Number(b));
  }

  /**
   * @param version number or alias; undefined: the chosen one
   * @throws RequestError with what there is
   */
  find(name: string, version: string | undefined): ServedModel {
    const family = this.#families.get(name);
    if (family === undefined) {
      throw new RequestError(404, `there is no model ${JSON.stringify(name)}; there are ${this.names.join(', ')}`);
    }
    const wanted = version ?? family.chosen;
    const found = family.versions.get(family.aliases.get(wanted) ?? wanted);
    if (found !== undefined) return found;
    const there = [...this.versions(name), ...family.aliases.keys()].join(', ');
    throw new RequestError(404, `model ${name} has no version ${JSON.stringify(wanted)}; there are ${there}`);
  }
}
