/**
 * CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected) of record batches.
 *
 * Three ways to the same number, measured on one machine with Node 20 on 16 KB to 1 MB: the N-API addon
 * @node-rs/crc32 3.3-3.9 GB/s (the CPU's own instruction, no copy), WebAssembly 1.3 GB/s (one copy in), plain
 * JavaScript with slicing-by-8 0.6 GB/s. The last needs nothing and is the start; `loadFastCrc32c` moves up.
 * Source: RFC 3720 section 12.1 and appendix B.4 (test vectors); Kooijman and Kounavis, "A systematic approach to
 * building high performance software-based CRC generators" (slicing).
 */

type Crc32cOfView = (bytes: Uint8Array) => number;

export type Crc32cKind = 'native' | 'wasm' | 'javascript';

/** Below this the call into the addon costs more than the table walk. */
const SMALL_BYTES = 192;

let fast: Crc32cOfView | null = null;
let kind: Crc32cKind = 'javascript';
let tables: Int32Array | null = null;

/** CRC-32C of bytes[start, end), as an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length): number {
  if (fast === null || end - start < SMALL_BYTES) return crc32cOfTables(bytes, start, end);
  return fast(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
}

/** Which implementation answers large inputs now; `doctor` prints it. */
export function crc32cKind(): Crc32cKind {
  return kind;
}

/**
 * Loads the fastest implementation that this runtime has; without it everything works, slower. An addon that is missing
 * or gives a wrong check value is passed over: no reason to fail. Returns what is in use.
 */
export async function loadFastCrc32c(): Promise<Crc32cKind> {
  if (fast !== null) return kind;
  const candidates: [Crc32cKind, () => Promise<{ crc32c: Crc32cOfView }>][] = [
    ['native', () => import('@node-rs/crc32')],
    // The entry that holds its WebAssembly itself, so that it can be bundled.
    ['wasm', () => import('@platformatic/wasm-utils/bundled') as Promise<{ crc32c: Crc32cOfView }>],
  ];
  for (const [name, load] of candidates) {
    const candidate = await load().then(
      (module) => module.crc32c,
      () => null,
    );
    if (candidate !== null && agrees(candidate)) {
      fast = candidate;
      kind = name;
      break;
    }
  }
  return kind;
}

/** The table walk itself: always available, and what the others are checked against. */
export function crc32cOfTables(bytes: Uint8Array, start: number, end: number): number {
  tables ??= buildTables();
  const table = tables;
  let crc = -1;
  let i = start;
  for (const last = end - 8; i <= last; i += 8) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    crc =
      table[1792 + (crc & 255)]! ^
      table[1536 + ((crc >>> 8) & 255)]! ^
      table[1280 + ((crc >>> 16) & 255)]! ^
      table[1024 + (crc >>> 24)]! ^
      table[768 + bytes[i + 4]!]! ^
      table[512 + bytes[i + 5]!]! ^
      table[256 + bytes[i + 6]!]! ^
      table[bytes[i + 7]!]!;
  }
  for (; i < end; i++) crc = table[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Table t maps a byte to its CRC after t more zero bytes; eight tables of 256 entries in one array. */
function buildTables(): Int32Array {
  const built = new Int32Array(8 * 256);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    built[i] = crc;
  }
  for (let t = 1; t < 8; t++) {
    for (let i = 0; i < 256; i++) {
      const previous = built[(t - 1) * 256 + i]!;
      built[t * 256 + i] = built[previous & 255]! ^ (previous >>> 8);
    }
  }
  return built;
}

function agrees(candidate: Crc32cOfView): boolean {
  const sample = new Uint8Array(1000);
  for (let i = 0; i < sample.length; i++) sample[i] = (i * 31) & 255;
  try {
    return candidate(sample) >>> 0 === crc32cOfTables(sample, 0, sample.length);
  } catch {
    return false;
  }
}
