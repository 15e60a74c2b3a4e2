export async function decode(records: number) {
  return { records };
}
