export type OutputFormat = 'text' | 'wide' | 'json' | 'ndjson' | 'yaml';

export interface Column<Row> {
  /** Upper-case header in text; the JSON key is snake_case of the row. */
  readonly header: string;
  /** null prints as `-`. */
  readonly value: (row: Row) => string | number | boolean | null | undefined;
  readonly align?: 'left' | 'right';
  /** Only with -o wide. */
  readonly wide?: boolean;
}

/** Writes a command's data to stdout in the chosen format. JSON keys are snake_case; text is for people. */
export interface Output {
  readonly format: OutputFormat;
  readonly color: boolean;
  /** Rows as a table (text), an object {schema_version, <name>: rows} (json, yaml), or one row a line (ndjson). */
  table<Row>(name: string, rows: readonly Row[], columns: readonly Column<Row>[]): Promise<void>;
  /** One document; `text` renders it for people. */
  document(value: unknown, text: () => string): Promise<void>;
  /** One row of a stream: a JSON line, or the text. */
  line(value: unknown, text: () => string): Promise<void>;
}
