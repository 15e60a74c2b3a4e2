import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { CAST, lastScreen, readCast, SVG, svgOf } from '../../scripts/recording.ts';

test('the recording is an asciicast of the demo as it is, small, and its picture is made from it', async () => {
  assert.ok(statSync(CAST).size < 200_000, `${statSync(CAST).size} bytes`);
  const cast = readCast(readFileSync(CAST, 'utf8'));
  assert.equal(cast.header.version, 2);
  let before = 0;
  for (const [seconds, kind, text] of cast.events) {
    assert.ok(seconds >= before && kind === 'o' && text.length > 0, `${seconds} ${kind}`);
    before = seconds;
  }
  assert.ok(before < 60, `${before} s`);
  const rows = (await lastScreen(cast)).map((spans) =>
    spans
      .map(({ text }) => text)
      .join('')
      .trimEnd(),
  );
  assert.match(rows.join('\n'), /anomaly demo: ended by itself[\s\S]*labelled ones found/);
  assert.equal(await svgOf(cast), readFileSync(SVG, 'utf8'), 'run npm run recording');
});
