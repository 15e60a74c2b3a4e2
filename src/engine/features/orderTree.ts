/**
 * Values of many slots in order, with access by rank: one treap a slot (Seidel and Aragon, Algorithmica 16, 1996), its
 * nodes in one array that all slots share. Equal values share a node. A node's priority is a hash of its place in the
 * array, so the shape of a tree has no meaning, and results do not depend on it.
 */
export class OrderTree {
  /** Nodes of 32 bytes, two to a cache line: a double, then four integers. */
  #doubles = new Float64Array(INITIAL * NODE_DOUBLES);
  #integers = new Int32Array(this.#doubles.buffer);
  /** Node 0 is none, and stays empty. */
  #fresh = 1;
  /** First of the nodes that were given back, linked by LEFT. */
  #free = 0;

  /** Number of values below `root`. */
  size(root: number): number {
    return this.#integers[root * NODE_INTEGERS + SIZE]!;
  }

  /** The root after a value was added; 0 stands for an empty tree. */
  add(root: number, value: number): number {
    if (root === 0) return this.#take(value);
    const at = root * NODE_INTEGERS;
    this.#integers[at + SIZE] = this.#integers[at + SIZE]! + 1;
    const own = this.#doubles[root * NODE_DOUBLES]!;
    if (value === own) {
      this.#integers[at + TIMES] = this.#integers[at + TIMES]! + 1;
      return root;
    }
    const side = value < own ? LEFT : RIGHT;
    // Not in one expression: the arrays may be replaced within the call.
    const child = this.add(this.#integers[at + side]!, value);
    this.#integers[at + side] = child;
    return priority(child) > priority(root) ? this.#rotate(root, child, side) : root;
  }

  /** The root after one value was taken away, which must be there. */
  remove(root: number, value: number): number {
    const integers = this.#integers;
    let node = root;
    /** Where the link to the node stands; -1 for the root. */
    let link = -1;
    for (;;) {
      const at = node * NODE_INTEGERS;
      const own = this.#doubles[node * NODE_DOUBLES]!;
      if (value === own) break;
      integers[at + SIZE] = integers[at + SIZE]! - 1;
      link = at + (value < own ? LEFT : RIGHT);
      node = integers[link]!;
    }
    const at = node * NODE_INTEGERS;
    if (integers[at + TIMES]! > 1) {
      integers[at + TIMES] = integers[at + TIMES]! - 1;
      integers[at + SIZE] = integers[at + SIZE]! - 1;
      return root;
    }
    const rest = this.#merge(integers[at + LEFT]!, integers[at + RIGHT]!);
    this.#release(node);
    if (link < 0) return rest;
    integers[link] = rest;
    return root;
  }

  /** The value of a rank, 0 for the least. */
  at(root: number, rank: number): number {
    const integers = this.#integers;
    let node = root;
    let left = rank;
    for (;;) {
      const at = node * NODE_INTEGERS;
      const child = integers[at + LEFT]!;
      const below = integers[child * NODE_INTEGERS + SIZE]!;
      if (left < below) node = child;
      else if (left < below + integers[at + TIMES]!) return this.#doubles[node * NODE_DOUBLES]!;
      else {
        left -= below + integers[at + TIMES]!;
        node = integers[at + RIGHT]!;
      }
    }
  }

  /** Gives all nodes of a tree back. */
  clear(root: number): void {
    if (root === 0) return;
    const at = root * NODE_INTEGERS;
    this.clear(this.#integers[at + LEFT]!);
    this.clear(this.#integers[at + RIGHT]!);
    this.#release(root);
  }

  /** Of two trees, of which all values of the first are below those of the second. */
  #merge(left: number, right: number): number {
    if (left === 0) return right;
    if (right === 0) return left;
    const isLeft = priority(left) > priority(right);
    const top = isLeft ? left : right;
    const at = top * NODE_INTEGERS + (isLeft ? RIGHT : LEFT);
    const child = this.#integers[at]!;
    this.#integers[at] = isLeft ? this.#merge(child, right) : this.#merge(left, child);
    this.#count(top);
    return top;
  }

  /** Puts the child on that side into the place of its parent. */
  #rotate(parent: number, child: number, side: number): number {
    const integers = this.#integers;
    const other = LEFT + RIGHT - side;
    integers[parent * NODE_INTEGERS + side] = integers[child * NODE_INTEGERS + other]!;
    integers[child * NODE_INTEGERS + other] = parent;
    this.#count(parent);
    this.#count(child);
    return child;
  }

  #count(node: number): void {
    const integers = this.#integers;
    const at = node * NODE_INTEGERS;
    integers[at + SIZE] =
      integers[at + TIMES]! +
      integers[integers[at + LEFT]! * NODE_INTEGERS + SIZE]! +
      integers[integers[at + RIGHT]! * NODE_INTEGERS + SIZE]!;
  }

  #take(value: number): number {
    let node = this.#free;
    if (node !== 0) this.#free = this.#integers[node * NODE_INTEGERS + LEFT]!;
    else {
      node = this.#fresh++;
      if (node * NODE_DOUBLES === this.#doubles.length) this.#grow();
    }
    const at = node * NODE_INTEGERS;
    this.#doubles[node * NODE_DOUBLES] = value;
    this.#integers[at + LEFT] = 0;
    this.#integers[at + RIGHT] = 0;
    this.#integers[at + TIMES] = 1;
    this.#integers[at + SIZE] = 1;
    return node;
  }

  #release(node: number): void {
    this.#integers[node * NODE_INTEGERS + LEFT] = this.#free;
    this.#free = node;
  }

  #grow(): void {
    const doubles = new Float64Array(2 * this.#doubles.length);
    doubles.set(this.#doubles);
    this.#doubles = doubles;
    this.#integers = new Int32Array(doubles.buffer);
  }
}

const INITIAL = 256;
const NODE_DOUBLES = 4;
const NODE_INTEGERS = 8;
/** Places of the integers, behind the value: children, how often the value is there, and values of the subtree. */
const LEFT = 2;
const RIGHT = 3;
const TIMES = 4;
const SIZE = 5;

/** The finalizer of MurmurHash3 (A. Appleby). */
function priority(node: number): number {
  let hash = Math.imul(node ^ (node >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
