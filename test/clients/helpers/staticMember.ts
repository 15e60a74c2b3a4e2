// A static member in a process of its own, to be killed: ADDRESS TOPIC GROUP INSTANCE. Prints a line when it reads.
import { connect } from '../../../src/clients/connect.ts';
import { ReadingMember, until } from './member.ts';

const [address, topic, groupId, instanceId] = process.argv.slice(2) as [string, string, string, string];
const client = await connect({ brokers: [address], client: 'platformatic' });
const member = await ReadingMember.join(client, instanceId, topic, {
  rebalance: 'cooperative',
  sessionTimeoutMs: 30_000,
  heartbeatIntervalMs: 20,
  groupId,
  instanceId,
});
await until('it reads', () => member.values.length > 0);
process.stdout.write('reads\n');
