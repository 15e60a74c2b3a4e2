/** A path into a JSON object: ['pump', 'pressure'] is the member pressure of the member pump. */
export type KeyPath = readonly string[];

/**
 * The members of a JSON object that become columns, as a tree, found by their bytes. Objects of one file mostly have
 * their members in the same order, so the search begins after the member found last.
 */
export class KeyNode {
  readonly names: Uint8Array[] = [];
  /** Column of a member that is a value; -1 for none. */
  readonly columns: number[] = [];
  /** Tree below a member that is an object. */
  readonly children: (KeyNode | null)[] = [];
  #expected = 0;

  static ofPaths(paths: readonly KeyPath[]): KeyNode {
    const root = new KeyNode();
    paths.forEach((path, column) => {
      root.#insert(path, column);
    });
    return root;
  }

  /** Index of the member with the name bytes[start, end), or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const count = this.names.length;
    const length = end - start;
    let index = this.#expected;
    for (let tried = 0; tried < count; tried++) {
      if (index >= count) index = 0;
      const name = this.names[index]!;
      if (name.length === length && sameBytes(name, bytes, start)) {
        this.#expected = index + 1;
        return index;
      }
      index++;
    }
    return -1;
  }

  /** Adds a member that is read over: a name that the sample did not have. */
  ignore(name: Uint8Array): void {
    this.names.push(name);
    this.columns.push(-1);
    this.children.push(null);
  }

  #insert(path: KeyPath, column: number): void {
    const name = Buffer.from(path[0]!);
    let index = this.find(name, 0, name.length);
    if (index < 0) {
      index = this.names.length;
      this.ignore(name);
    }
    if (path.length === 1) this.columns[index] = column;
    else {
      this.children[index] ??= new KeyNode();
      this.children[index]!.#insert(path.slice(1), column);
    }
  }
}

function sameBytes(name: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < name.length; i++) {
    if (name[i] !== bytes[start + i]) return false;
  }
  return true;
}
