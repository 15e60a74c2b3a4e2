import { startRegistry } from '../../src/broker/registry.ts';
import { registryContract } from './registryContract.ts';

registryContract('embedded', async () => {
  const { url, close } = await startRegistry({ port: 0 });
  return { url, close, modes: true, checksReferences: true, subjectNone: true };
});
