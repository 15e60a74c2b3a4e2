"""Reads topics to their end with the Avro deserialiser and the registry client of confluent-kafka: one JSON line a record.

usage: avro.py BROKERS REGISTRY TOPIC...
"""

import datetime
import json
import sys

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

brokers, registry, *topics = sys.argv[1:]
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
deserialise = AvroDeserializer(SchemaRegistryClient({"url": registry}))


def plain(value):
    """Times as `anomaly tail` prints them."""
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // datetime.timedelta(milliseconds=1)
    raise TypeError(type(value).__name__)


consumer = Consumer({"bootstrap.servers": brokers, "group.id": "avro", "enable.auto.commit": False, "enable.partition.eof": False})
for topic in topics:
    partitions = consumer.list_topics(topic, 10).topics[topic].partitions
    ends = {p: consumer.get_watermark_offsets(TopicPartition(topic, p), 10)[1] for p in partitions}
    consumer.assign([TopicPartition(topic, p, 0) for p, end in ends.items() if end > 0])
    left = sum(ends.values())
    while left > 0:
        for message in consumer.consume(1000, 1.0):
            if message.error():
                raise RuntimeError(message.error())
            left -= 1
            value = deserialise(message.value(), SerializationContext(topic, MessageField.VALUE))
            row = {"topic": topic, "partition": message.partition(), "offset": message.offset(), "value": value}
            print(json.dumps(row, default=plain))
consumer.close()
