// node:test reporter: the spec reporter's text, then `N passed, N failed` as the last line. The files with a failure are
// listed in the file that ANOMALY_TEST_FAILURES names, a line each.
import { appendFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { spec } from 'node:test/reporters';

export default async function* report(source) {
  let passed = 0;
  let failed = 0;
  const files = new Set();
  async function* count() {
    for await (const event of source) {
      // A suite is not a test, a skipped test did not pass, and node 20 reports each file as a test of its own.
      const isTest = event.data?.details?.type !== 'suite' && !/\.test\.tsx?$/.test(event.data?.name ?? '');
      if (event.type === 'test:pass' && isTest && event.data.skip === undefined) passed++;
      if (event.type === 'test:fail') {
        failed++;
        files.add(event.data.file ?? event.data.name);
      }
      yield event;
    }
  }
  yield* Readable.from(count()).compose(new spec());
  const list = process.env.ANOMALY_TEST_FAILURES;
  if (list !== undefined) for (const file of files) appendFileSync(list, `${file}\n`);
  yield `${passed} passed, ${failed} failed\n`;
}
