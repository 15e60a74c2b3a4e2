import { AnomalyError } from '../errors.ts';

/**
 * Names are relative, of parts that are safe in any store. A part that begins with a point is the store's own: what is
 * being written has such a name until it is whole.
 *
 * @throws ANM_INTERNAL for a name that would leave the store or is no name
 */
export function checkName(name: string): string {
  const parts = name.split('/');
  if (parts.some((part) => part === '' || part.startsWith('.') || /[\\\0]/.test(part))) {
    throw new AnomalyError('ANM_INTERNAL', `cannot use '${name}' as the name of an object`);
  }
  return name;
}

/** A text as one part of a name: whatever it is called, it stays in its folder. */
export function namePart(text: string): string {
  return encodeURIComponent(text).replace(/^\./, '%2E');
}

/** In the order of names, as S3 lists them. */
export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** What is written under while it is not whole. */
export function asideName(base: string, writer: string): string {
  return `.${base}.${writer}.tmp`;
}

export function isAside(base: string): boolean {
  return base.startsWith('.') && base.endsWith('.tmp');
}
