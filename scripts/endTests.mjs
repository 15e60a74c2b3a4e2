// Loaded into each test file's process: a test that failed may have left a server open, and its file must still end.
import { after } from 'node:test';

if (process.env.NODE_TEST_CONTEXT !== undefined) {
  // Not holding the process itself: it fires only where something else does.
  after(() => setTimeout(() => process.exit(), 30_000).unref());
}
