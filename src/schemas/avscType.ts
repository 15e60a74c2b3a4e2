import type { Type } from 'avsc';

/**
 * avsc's type for a writer schema (JSON text), for what decodes single values. Longs beyond 2^53, at which avsc throws
 * by itself, come as the nearest double, or, with `exact`, as bigints where a double would lose digits.
 */
export async function avscType(schema: string, longs: 'nearest' | 'exact' = 'nearest'): Promise<Type> {
  const { default: avro } = await import('avsc');
  const fromBig = longs === 'exact' ? exactNumber : Number;
  const long = avro.types.LongType.__with({
    fromBuffer: (buffer: Buffer) => fromBig(buffer.readBigInt64LE()),
    toBuffer: (value: number | bigint) => {
      const buffer = Buffer.alloc(8);
      buffer.writeBigInt64LE(BigInt(value));
      return buffer;
    },
    fromJSON: (value: number | string) => fromBig(BigInt(value)),
    toJSON: String,
    isValid: (value: unknown) => typeof value === 'number' || typeof value === 'bigint',
    compare: (a: number | bigint, b: number | bigint) => (a < b ? -1 : a > b ? 1 : 0),
  }) as unknown as Type;
  // A hook, as an entry of avsc's registry would not hold for longs with a logical type.
  const typeHook = (each: unknown) =>
    each === 'long' || (each as { type?: unknown }).type === 'long' ? long : undefined;
  return avro.Type.forSchema(JSON.parse(schema), { typeHook });
}

function exactNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
