import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStoreUrl } from '../../src/stores/storeUrl.ts';

test('a store is a directory, a bucket or a directory of HDFS', () => {
  const file = (directory: string) => ({ kind: 'file', directory });
  assert.deepEqual(parseStoreUrl('/var/lib/anomaly'), file('/var/lib/anomaly'));
  assert.deepEqual(parseStoreUrl('state/x'), file('state/x'));
  assert.deepEqual(parseStoreUrl('file:///var/my%20state'), file('/var/my state'));
  assert.deepEqual(parseStoreUrl('file:state/x'), file('state/x'));
  assert.deepEqual(parseStoreUrl('file://state/x'), file('state/x'));
  assert.deepEqual(parseStoreUrl('s3://checkpoints'), { kind: 's3', bucket: 'checkpoints', prefix: '' });
  assert.deepEqual(parseStoreUrl('s3a://checkpoints//pump/room/'), {
    kind: 's3',
    bucket: 'checkpoints',
    prefix: 'pump/room/',
  });
  const hdfs = (endpoint: string, path: string) => ({ kind: 'webhdfs', endpoint, path });
  assert.deepEqual(parseStoreUrl('webhdfs://nn:50070/a/b/'), hdfs('http://nn:50070', '/a/b'));
  assert.deepEqual(parseStoreUrl('webhdfs://nn'), hdfs('http://nn:9870', '/'));
  assert.deepEqual(parseStoreUrl('webhdfs://nn:80/x'), hdfs('http://nn', '/x'));
  assert.deepEqual(parseStoreUrl('swebhdfs://ann@nn/a%20b'), { ...hdfs('https://nn:9871', '/a b'), user: 'ann' });
});

test('what names no store is refused with the reason and what to give', () => {
  for (const [text, message, hint] of [
    ['hdfs://nn:8020/x', /hdfs: is the native protocol/, /webhdfs:\/\/nn:9870\/x/],
    ['https://minio:9000/bucket', /it names no bucket/, /checkpoint\.s3\.endpoint/],
    ['gs://bucket', /there is no store of gs:/, /s3:\/\/BUCKET/],
    ['s3://', /it names no bucket/, /s3:/],
    ['s3://Bucket_1/x', /Bucket_1 is no name of a bucket/, /lower-case/],
    ['webhdfs://', /it names no host/, /NAMENODE/],
  ] as const) {
    assert.throws(() => parseStoreUrl(text), { code: 'ANM_CONFIG', message, hint });
  }
});

test('secrets in a url are refused, and not repeated', () => {
  for (const text of ['s3://AKIA:sesame@bucket/x', 'webhdfs://ann:sesame@nn:9870/x']) {
    assert.throws(
      () => parseStoreUrl(text),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'ANM_CONFIG');
        assert.doesNotMatch(error.message + JSON.stringify(error), /sesame/);
        return true;
      },
    );
  }
});
