import type { Writable } from 'node:stream';
import { toJson } from './json.ts';
import type { Column, Output, OutputFormat } from './output.ts';
import { renderTable } from './table.ts';

const SCHEMA_VERSION = 1;

/** The Output of a command: everything it prints on stdout goes through one of three shapes. */
export class StreamOutput implements Output {
  readonly format: OutputFormat;
  readonly color: boolean;
  readonly #stream: Writable;

  constructor(stream: Writable, format: OutputFormat, color: boolean) {
    this.#stream = stream;
    this.format = format;
    this.color = color;
  }

  async table<Row>(name: string, rows: readonly Row[], columns: readonly Column<Row>[]): Promise<void> {
    if (this.format === 'ndjson') {
      await this.#write(rows.map((row) => `${JSON.stringify(toJson(row))}\n`).join(''));
    } else if (this.format === 'json' || this.format === 'yaml') {
      await this.#serialize({ schema_version: SCHEMA_VERSION, [name]: rows.map((row) => toJson(row)) });
    } else {
      const text = renderTable(rows, columns, { wide: this.format === 'wide', color: this.color });
      await this.#write(`${text}\n`);
    }
  }

  async document(value: unknown, text: () => string): Promise<void> {
    if (this.format === 'text' || this.format === 'wide') return this.#write(`${text()}\n`);
    const plain = toJson(value);
    const isObject = typeof plain === 'object' && plain !== null && !Array.isArray(plain);
    await this.#serialize({ schema_version: SCHEMA_VERSION, ...(isObject ? plain : { value: plain }) });
  }

  async line(value: unknown, text: () => string): Promise<void> {
    if (this.format === 'text' || this.format === 'wide') return this.#write(`${text()}\n`);
    const plain = toJson(value);
    if (this.format !== 'yaml') return this.#write(`${JSON.stringify(plain)}\n`);
    const { stringify } = await import('../config/yamlLibrary.ts');
    await this.#write(`---\n${stringify(plain)}`);
  }

  async #serialize(plain: unknown): Promise<void> {
    if (this.format === 'yaml') {
      const { stringify } = await import('../config/yamlLibrary.ts');
      return this.#write(stringify(plain));
    }
    // One document a line in ndjson; json is indented for those who read it.
    await this.#write(`${JSON.stringify(plain, null, this.format === 'json' ? 2 : undefined)}\n`);
  }

  /** Resolves once the stream took the text, so that nothing is lost when the process ends. */
  #write(text: string): Promise<void> {
    if (text === '') return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#stream.write(text, (error) => (error == null ? resolve() : reject(error)));
    });
  }
}
