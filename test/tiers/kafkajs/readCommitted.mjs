// Reads a topic by kafkajs under read_committed, until each partition gave the value END. Prints values (base64) by
// partition, as one JSON array. usage: node readCommitted.mjs BROKERS TOPIC PARTITIONS (with its packages around it)
import kafkajs from 'kafkajs';

const { Kafka, logLevel } = kafkajs;
const [brokers, topic, partitions] = process.argv.slice(2);
const kafka = new Kafka({ clientId: 'foreign', brokers: brokers.split(','), logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId: `foreign-${process.pid}`, readUncommitted: false, maxWaitTimeInMs: 100 });
const values = Array.from({ length: Number(partitions) }, () => []);
const ended = new Set();
await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: true });
await new Promise((resolve, reject) => {
  consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
  consumer
    .run({
      eachMessage: async ({ partition, message }) => {
        if (message.value?.toString() === 'END') ended.add(partition);
        else values[partition].push(message.value === null ? null : message.value.toString('base64'));
        if (ended.size === values.length) resolve();
      },
    })
    .catch(reject);
});
await consumer.disconnect();
process.stdout.write(JSON.stringify(values));
