import { BUCKET, type FakeS3 } from '../../stores/helpers/fakeS3.ts';
import type { Fault } from '../../stores/helpers/faults.ts';

const SLOWEST_MS = 60;
/** What S3 answers when it is asked for too much: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const SLOW_DOWN =
  '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>';

/** A store that is slow, fails, and tears answers and objects, by chance; and what of its work is under way. */
export class TornS3 {
  /** Share of requests that meet a fault. */
  faultShare = 0;
  /** Told of each request. */
  onRequest: () => void = () => {};
  readonly #s3: FakeS3;
  readonly #random: () => number;
  readonly #begun = new Set<string>();
  readonly #torn = new Set<string>();
  /** How often each fault has struck. */
  readonly struck = new Map<string, number>();

  constructor(s3: FakeS3, random: () => number) {
    this.#s3 = s3;
    this.#random = random;
    s3.faulty = ({ method, url }) => {
      this.#note(method, url);
      this.onRequest();
      return this.#random() < this.faultShare ? this.#fault(method) : undefined;
    };
  }

  /** Snapshots whose files arrive, and whose manifest is not there yet. */
  get isUploading(): boolean {
    return [...this.#begun].some((folder) => !this.#s3.objects.has(`${folder}/manifest.json`));
  }

  get tornCount(): number {
    return this.#torn.size;
  }

  /** What the dead began is under way no more. */
  forget(): void {
    this.#begun.clear();
  }

  /**
   * Cuts an object of the newest checkpoint of a partition in half, as a disk does that lost a write. At most one of each
   * partition's newest two is torn, so there is always one to fall back to. Returns its name, undefined where none is left.
   */
  tear(prefix: string, partition: number): string | undefined {
    const manifests = [...this.#s3.objects.keys()].filter(
      (name) => name.startsWith(prefix) && name.includes(`-${partition}/`) && name.endsWith('/manifest.json'),
    );
    const [before, newest] = manifests.sort((a, b) => this.#writtenAt(a) - this.#writtenAt(b)).slice(-2);
    if (before === undefined || newest === undefined) return undefined;
    if (manifests.some((name) => this.#torn.has(name))) return undefined;
    const stored = this.#s3.objects.get(newest)!;
    this.#s3.objects.set(newest, { ...stored, body: stored.body.subarray(0, stored.body.length >> 1) });
    this.#torn.add(newest);
    return newest;
  }

  #writtenAt(name: string): number {
    return this.#s3.objects.get(name)!.modifiedMs;
  }

  #note(method: string, url: string): void {
    const name = decodeURIComponent(url.split('?')[0]!).slice(`/${BUCKET}/`.length);
    if (method === 'PUT' && /-\d+\/\d{20}-/.test(name)) this.#begun.add(name.slice(0, name.lastIndexOf('/')));
  }

  #fault(method: string): Fault {
    const faults: readonly (readonly [string, Fault])[] = [
      ['slow', { delayMs: Math.floor(this.#random() * SLOWEST_MS) }],
      ['failing', { status: 503, body: SLOW_DOWN }],
      ['reset', 'reset'],
      ['answer lost', 'answer lost'],
      ['torn answer', method === 'GET' ? 'torn' : 'reset'],
    ];
    const [name, fault] = faults[Math.floor(this.#random() * faults.length)]!;
    this.struck.set(name, (this.struck.get(name) ?? 0) + 1);
    return fault;
  }
}
