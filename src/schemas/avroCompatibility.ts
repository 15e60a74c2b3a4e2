import { AnomalyError } from '../errors.ts';
import { type AvroEnum, type AvroField, type AvroNode, type AvroRecord, typeLabel } from './avroNode.ts';
import { type Incompatibility, PLAIN_SIDES, type SideNames } from './incompatibility.ts';

/** Names as Redpanda's and Confluent's registries print them. */
type AvroRule =
  | 'READER_FIELD_MISSING_DEFAULT_VALUE'
  | 'TYPE_MISMATCH'
  | 'NAME_MISMATCH'
  | 'MISSING_UNION_BRANCH'
  | 'MISSING_ENUM_SYMBOLS'
  | 'FIXED_SIZE_MISMATCH';

/** Steps of one comparison; two unions of thousands of records each would keep the process busy for minutes. */
const MAX_STEPS = 100_000;
/** Types inside types, named ones followed: a chain of records that name each other could exhaust the stack. */
const MAX_DEPTH = 500;

/**
 * Every reason why data written with `writer` cannot be read with `reader`; empty when it can. A record type met more
 * than once is reported at its first place. Logical types are not compared: they do not change the bytes.
 * Source: Avro specification 1.11, "Schema Resolution"; names of types are compared in full, reader aliases count.
 * @throws AnomalyError ANM_SCHEMA_UNSUPPORTED when the two are too large to compare
 */
export function findIncompatibilities(
  reader: AvroNode,
  writer: AvroNode,
  names: SideNames = PLAIN_SIDES,
): Incompatibility[] {
  return new Resolution(names).report(reader, writer);
}

interface Place {
  readonly field: string;
  readonly path: string;
}

/** What two types that are not unions say about each other: own failures, and the pairs that must resolve too. */
interface Step {
  readonly failures: { readonly rule: AvroRule; readonly at: Place; readonly message: string }[];
  readonly pairs: { readonly reader: AvroNode; readonly writer: AvroNode; readonly at: Place }[];
}

/** Reader kind -> writer kinds whose values it can take, besides its own. */
const PROMOTIONS: Partial<Record<AvroNode['kind'], readonly AvroNode['kind'][]>> = {
  long: ['int'],
  float: ['int', 'long'],
  double: ['int', 'long', 'float'],
  string: ['bytes'],
  bytes: ['string'],
};

class Resolution {
  /** Pairs of records found not to resolve. Recursion makes this a fixpoint: pairs count as good until shown bad. */
  private readonly failing = new PairSet();
  private visited = new PairSet();
  private settled = false;
  private readonly reported = new PairSet();
  private readonly out: Incompatibility[] = [];
  private readonly names: SideNames;
  private steps = 0;
  private depth = 0;

  constructor(names: SideNames) {
    this.names = names;
  }

  report(reader: AvroNode, writer: AvroNode): Incompatibility[] {
    let known: number;
    do {
      known = this.failing.size;
      this.visited = new PairSet();
      this.resolves(reader, writer);
    } while (this.failing.size > known);
    this.settled = true;
    this.explain(reader, writer, { field: '', path: '' });
    return this.out;
  }

  private resolves(reader: AvroNode, writer: AvroNode): boolean {
    this.count(reader, writer);
    if (writer.kind === 'union') return all(writer.branches, (branch) => this.resolves(reader, branch));
    if (reader.kind === 'union') return !all(reader.branches, (branch) => !this.resolves(branch, writer));
    if (reader.kind !== 'record' || writer.kind !== 'record') return this.stepResolves(reader, writer);
    if (this.failing.has(reader, writer)) return false;
    if (this.settled || this.visited.has(reader, writer)) return true;
    this.visited.add(reader, writer);
    const good = this.stepResolves(reader, writer);
    if (!good) this.failing.add(reader, writer);
    return good;
  }

  private stepResolves(reader: AvroNode, writer: AvroNode): boolean {
    const step = compare(reader, writer, TOP, this.names);
    this.depth += 1;
    // No short cut: each pair below has to be visited, or a bad one could stay unseen.
    const good = all(step.pairs, (pair) => this.resolves(pair.reader, pair.writer)) && step.failures.length === 0;
    this.depth -= 1;
    return good;
  }

  private explain(reader: AvroNode, writer: AvroNode, at: Place): void {
    this.count(reader, writer);
    if (writer.kind === 'union') {
      writer.branches.forEach((branch, index) => {
        const place = reader.kind === 'union' ? { field: at.field, path: `${at.path}/${index}` } : at;
        this.explain(reader, branch, place);
      });
      return;
    }
    if (reader.kind === 'union') {
      if (this.resolves(reader, writer)) return;
      this.add('MISSING_UNION_BRANCH', at, `no branch in ${this.names.reader} takes ${typeLabel(writer)}`);
      // The branch of the same kind and name is the one that was meant: say what is wrong inside it as well.
      const alike = reader.branches.find((branch) => typeLabel(branch) === typeLabel(writer));
      if (alike !== undefined) this.explain(alike, writer, at);
      return;
    }
    if (reader.kind === 'record' && writer.kind === 'record') {
      if (this.reported.has(reader, writer)) return;
      this.reported.add(reader, writer);
    }
    const step = compare(reader, writer, at, this.names);
    for (const { rule, at: place, message } of step.failures) this.add(rule, place, message);
    this.depth += 1;
    for (const pair of step.pairs) this.explain(pair.reader, pair.writer, pair.at);
    this.depth -= 1;
  }

  /** Keeps a hostile pair of schemas from holding the process, or its stack. */
  private count(reader: AvroNode, writer: AvroNode): void {
    const reason =
      ++this.steps > MAX_STEPS
        ? `they need more than ${MAX_STEPS} comparisons of types`
        : this.depth > MAX_DEPTH
          ? `types are nested more than ${MAX_DEPTH} deep`
          : null;
    if (reason === null) return;
    const pair = `${typeLabel(reader)} and ${typeLabel(writer)}`;
    throw new AnomalyError('ANM_SCHEMA_UNSUPPORTED', `cannot compare ${pair} of the schemas as ${reason}`);
  }

  private add(rule: AvroRule, at: Place, message: string): void {
    this.out.push({ rule, field: at.field, path: at.path === '' ? '/' : at.path, message });
  }
}

const TOP: Place = { field: '', path: '' };

function compare(reader: AvroNode, writer: AvroNode, at: Place, names: SideNames): Step {
  const step: Step = { failures: [], pairs: [] };
  if (reader.kind !== writer.kind) {
    if (PROMOTIONS[reader.kind]?.includes(writer.kind) !== true) {
      const message = `${typeLabel(writer)} of ${names.writer} cannot be read as ${typeLabel(reader)} of ${names.reader}`;
      step.failures.push({ rule: 'TYPE_MISMATCH', at, message });
    }
    return step;
  }
  if ('name' in reader && 'name' in writer && reader.name !== writer.name && !reader.aliases.includes(writer.name)) {
    const message = `it is ${reader.name} in ${names.reader}, ${writer.name} in ${names.writer}, and no alias joins them`;
    step.failures.push({ rule: 'NAME_MISMATCH', at: below(at, 'name'), message });
  }
  if (reader.kind === 'fixed' && writer.kind === 'fixed' && reader.sizeBytes !== writer.sizeBytes) {
    const message = `it has ${reader.sizeBytes} bytes in ${names.reader}, ${writer.sizeBytes} in ${names.writer}`;
    step.failures.push({ rule: 'FIXED_SIZE_MISMATCH', at: below(at, 'size'), message });
  }
  if (reader.kind === 'enum' && writer.kind === 'enum') compareSymbols(reader, writer, at, names, step);
  if (reader.kind === 'record' && writer.kind === 'record') compareFields(reader, writer, at, names, step);
  if (reader.kind === 'array' && writer.kind === 'array') {
    step.pairs.push({ reader: reader.items, writer: writer.items, at: below(at, 'items') });
  }
  if (reader.kind === 'map' && writer.kind === 'map') {
    step.pairs.push({ reader: reader.values, writer: writer.values, at: below(at, 'values') });
  }
  return step;
}

function compareSymbols(reader: AvroEnum, writer: AvroEnum, at: Place, names: SideNames, step: Step): void {
  if (reader.hasDefault) return;
  const known = new Set(reader.symbols);
  const missing = writer.symbols.filter((symbol) => !known.has(symbol));
  if (missing.length === 0) return;
  const message = `${names.reader} lacks the symbols [${missing.join(', ')}] and has no default symbol`;
  step.failures.push({ rule: 'MISSING_ENUM_SYMBOLS', at: below(at, 'symbols'), message });
}

function compareFields(reader: AvroRecord, writer: AvroRecord, at: Place, names: SideNames, step: Step): void {
  const fieldsByName = new Map(writer.fields.map((field) => [field.name, field]));
  reader.fields.forEach((field, index) => {
    const place: Place = {
      field: at.field === '' ? field.name : `${at.field}.${field.name}`,
      path: `${at.path}/fields/${index}`,
    };
    const source = writerField(field, fieldsByName);
    if (source !== undefined) {
      step.pairs.push({ reader: field.type, writer: source.type, at: below(place, 'type') });
    } else if (!field.hasDefault) {
      const message = `${names.reader} gives it no default and ${names.writer} has no such field`;
      step.failures.push({ rule: 'READER_FIELD_MISSING_DEFAULT_VALUE', at: place, message });
    }
  });
}

/** The writer's field of the same name, else the first one that an alias of the reader's field names. */
function writerField(field: AvroField, writer: ReadonlyMap<string, AvroField>): AvroField | undefined {
  const named = writer.get(field.name);
  if (named !== undefined) return named;
  for (const alias of field.aliases) {
    const old = writer.get(alias);
    if (old !== undefined) return old;
  }
  return undefined;
}

function below(at: Place, part: string): Place {
  return { field: at.field, path: `${at.path}/${part}` };
}

/** `every`, but without stopping at the first false. */
function all<T>(items: readonly T[], holds: (item: T) => boolean): boolean {
  let result = true;
  for (const item of items) if (!holds(item)) result = false;
  return result;
}

class PairSet {
  size = 0;
  private readonly writers = new Map<AvroNode, Set<AvroNode>>();

  has(reader: AvroNode, writer: AvroNode): boolean {
    return this.writers.get(reader)?.has(writer) === true;
  }

  add(reader: AvroNode, writer: AvroNode): void {
    const known = this.writers.get(reader) ?? new Set();
    this.writers.set(reader, known);
    if (!known.has(writer)) this.size += 1;
    known.add(writer);
  }
}
