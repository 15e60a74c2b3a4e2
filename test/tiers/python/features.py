"""What confluent-kafka for Python does with a broker, feature by feature: one JSON line each.

usage: features.py BROKERS PREFIX
"""

import json
import sys
import threading
import time

from confluent_kafka import OFFSET_BEGINNING, ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
)

BROKERS, PREFIX = sys.argv[1:3]
CONF = {"bootstrap.servers": BROKERS, "log_level": 0, "socket.timeout.ms": 10000}
START_MS = 1_700_000_000_000
admin = AdminClient(CONF)


def say(feature, run):
    try:
        outcome, detail = "ok", run()
    except Exception as error:  # the row tells what happened
        outcome, detail = "failed", f"{type(error).__name__}: {error}"
    print(json.dumps({"feature": feature, "outcome": outcome, "detail": detail}), flush=True)


def check(is_true, what):
    if not is_true:
        raise AssertionError(what)


def results(futures):
    return {key: future.result(20) for key, future in futures.items()}


def until(what, is_true, seconds=120):
    end = time.monotonic() + seconds
    while not is_true():
        check(time.monotonic() < end, f"still not: {what}")
        time.sleep(0.01)


def error_of(call):
    try:
        call()
        return "nothing"
    except KafkaException as error:
        return error.args[0].name()


def topic(name, partitions):
    full = f"{PREFIX}-{name}"
    results(admin.create_topics([NewTopic(full, num_partitions=partitions, replication_factor=1)]))
    ends = {TopicPartition(full, p): OffsetSpec.latest() for p in range(partitions)}

    def is_known():
        # librdkafka answers `_NOENT` from its cache, for as long as it is asked; this asks the broker itself.
        admin.list_topics(full, timeout=10)
        return error_of(lambda: results(admin.list_offsets(ends))) == "nothing"

    # The controller answers before its broker has heard of it.
    until("made", is_known)
    return full


def producer(**more):
    return Producer({**CONF, "linger.ms": 20, "delivery.timeout.ms": 20000, **{k.replace("_", "."): v for k, v in more.items()}})


def consumer(**more):
    conf = {"auto.offset.reset": "earliest", "enable.auto.commit": False, "group.id": f"{PREFIX}-none"}
    conf.update({"session.timeout.ms": 10000, "heartbeat.interval.ms": 100})
    return Consumer({**CONF, **conf, **{k.replace("_", "."): v for k, v in more.items()}})


def fill(name, partitions, start, end):
    out = producer()
    for i in range(start, end):
        out.produce(name, f"v{i}", f"k{i % 7}", partition=i % partitions, timestamp=START_MS + i)
    check(out.flush(20) == 0, "not all delivered")


def read(name, partitions, count, isolation="read_uncommitted"):
    source = consumer(isolation_level=isolation)
    source.assign([TopicPartition(name, p, OFFSET_BEGINNING) for p in range(partitions)])
    found, end = [], time.monotonic() + 15
    while len(found) < count and time.monotonic() < end:
        found += source.consume(1000, 0.1)
    found += source.consume(1000, 0.3)
    source.close()
    for message in found:
        if message.error():
            raise KafkaException(message.error())
    check(len(found) == count, f"{len(found)} records, not {count}")
    return found


def create_topic():
    name = f"{PREFIX}-made"
    wanted = [NewTopic(name, num_partitions=4, replication_factor=1, config={"retention.ms": "86400000"})]
    results(admin.create_topics(wanted))
    found = admin.list_topics(timeout=10).topics[name]
    again = error_of(lambda: results(admin.create_topics(wanted)))
    return f"{len(found.partitions)} partitions, the second time {again}"


def codec(name):
    full = topic(f"codec-{name}", 2)
    out = producer(compression_type=name, enable_idempotence=True)
    for i in range(2000):
        key = None if i % 5 == 0 else f"key-{i}"
        value = None if i % 11 == 0 else f"value-{'x' * (i % 50)}{i}"
        headers = [("h", str(i))] if i % 3 == 0 else None
        out.produce(full, value, key, partition=i % 2, timestamp=START_MS + i, headers=headers)
    check(out.flush(20) == 0, "not all delivered")
    for message in read(full, 2, 2000):
        i = message.offset() * 2 + message.partition()
        check(message.key() == (None if i % 5 == 0 else f"key-{i}".encode()), f"key of {i}")
        check(message.value() == (None if i % 11 == 0 else f"value-{'x' * (i % 50)}{i}".encode()), f"value of {i}")
        check(message.timestamp()[1] == START_MS + i, f"time of {i}")
        check((message.headers() or []) == ([("h", str(i).encode())] if i % 3 == 0 else []), f"headers of {i}")
    return "2000 records, nulls and headers included"


class Member(threading.Thread):
    """Reads in a thread of its own, and commits before it gives partitions up."""

    def __init__(self, name, **conf):
        super().__init__(daemon=True)
        self.consumer = consumer(**conf)
        self.held, self.values, self.revoked = set(), [], []
        self.is_running, self.failure = True, None
        self.consumer.subscribe([name], on_assign=self.assigned, on_revoke=self.given_up)
        self.start()

    def assigned(self, _, partitions):
        self.held |= {each.partition for each in partitions}

    def given_up(self, _, partitions):
        if partitions:
            self.revoked.append(len(partitions))
        self.commit()
        self.held -= {each.partition for each in partitions}

    def commit(self):
        try:
            self.consumer.commit(asynchronous=False)
            return True
        except KafkaException as error:
            if error.args[0].code() == KafkaError._NO_OFFSET:
                return True
            # In a cooperative rebalance members read on, and commit when it is over.
            if error.args[0].code() in (KafkaError.REBALANCE_IN_PROGRESS, KafkaError.ILLEGAL_GENERATION):
                return False
            raise

    def take(self):
        for message in self.consumer.consume(100, 0.02):
            if not message.error():
                self.values.append(message.value())

    def run(self):
        try:
            while self.is_running:
                self.take()
                self.commit()
            while not self.commit():
                self.take()
            self.consumer.close()
        except Exception as error:  # told by end()
            self.failure = error

    def end(self):
        self.is_running = False
        self.join()
        if self.failure:
            raise self.failure


def group(name, strategy, most_revoked):
    full, group_id = topic(name, 4), f"{PREFIX}-{name}"
    conf = {"group_id": group_id, "partition_assignment_strategy": strategy}
    fill(full, 4, 0, 100)
    first = Member(full, **conf)
    until("all with the first", lambda: len(first.held) == 4 and len(first.values) == 100)
    second = Member(full, **conf)
    until("two each", lambda: len(first.held) == 2 and len(second.held) == 2)
    fill(full, 4, 100, 200)
    until("both read on", lambda: len(first.values) + len(second.values) >= 200)
    second.end()
    until("all with the first again", lambda: len(first.held) == 4)
    fill(full, 4, 200, 300)
    until("it reads on", lambda: len(first.values) + len(second.values) >= 300)
    first.end()
    values = first.values + second.values
    check(len(values) == 300 and len(set(values)) == 300, f"{len(values)} read, {len(set(values))} different")
    check(first.revoked[0] <= most_revoked, f"the first gave up {first.revoked[0]}")
    offsets = sorted(each.offset for each in committed(group_id))
    check(offsets == [75] * 4, str(offsets))
    return f"4, then 2 and 2, then 4 partitions; 300 records once each; the first gave up {first.revoked[0]}"


def committed(group_id):
    futures = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group_id)])
    return results(futures)[group_id].topic_partitions


def describe(group_id):
    return results(admin.describe_consumer_groups([group_id]))[group_id]


def static_member():
    name, group_id, told = topic("static", 2), f"{PREFIX}-static", set()
    for _ in range(2):
        member = consumer(group_id=group_id, group_instance_id="one", session_timeout_ms=30000)
        member.subscribe([name])
        end = time.monotonic() + 20
        while len(member.assignment()) < 2 and time.monotonic() < end:
            member.poll(0.05)
        check(len(member.assignment()) == 2, "no assignment")
        member.close()
        found = describe(group_id)
        check(len(found.members) == 1, "it left")
        told.add(f"{found.members[0].group_instance_id} {state(found)}")
    return "closed and back: " + ", ".join(told)


def state(found):
    return found.state.name.title()


def offsets_by_time():
    name = topic("times", 1)
    out = producer()
    for time_ms in (1000, 2000, 3000):
        out.produce(name, "v", "k", partition=0, timestamp=time_ms)
    out.flush(20)
    place = TopicPartition(name, 0)
    specs = [OffsetSpec.earliest(), OffsetSpec.latest(), OffsetSpec.for_timestamp(1500), OffsetSpec.for_timestamp(3001)]
    return str([results(admin.list_offsets({place: spec}))[place].offset for spec in specs])


def transactions():
    name = topic("txn", 2)
    out = producer(transactional_id=f"{PREFIX}-txn", transaction_timeout_ms=30000)
    out.init_transactions(20)
    for kind in ("committed", "aborted", "committed"):
        out.begin_transaction()
        for i in range(10):
            out.produce(name, f"{kind}{i}", "k", partition=i % 2)
        out.flush(20)
        out.abort_transaction(20) if kind == "aborted" else out.commit_transaction(20)
    found = read(name, 2, 20, "read_committed")
    check(all(message.value().startswith(b"committed") for message in found), "aborted ones are read")
    read(name, 2, 30)
    return "read_committed 20, read_uncommitted 30 records"


def transaction_with_offsets():
    source, target, group_id = topic("txn-source", 1), topic("txn-target", 1), f"{PREFIX}-txn-group"
    fill(source, 1, 0, 10)
    member = consumer(group_id=group_id, isolation_level="read_committed")
    member.subscribe([source])
    count, end = 0, time.monotonic() + 20
    while count < 10 and time.monotonic() < end:
        count += len(member.consume(10, 0.05))
    out = producer(transactional_id=f"{PREFIX}-txn-offsets", transaction_timeout_ms=30000)
    out.init_transactions(20)
    place = [TopicPartition(source, 0)]
    for offset in (4, 10):
        out.begin_transaction()
        out.produce(target, f"to {offset}", "k")
        out.send_offsets_to_transaction([TopicPartition(source, 0, offset)], member.consumer_group_metadata(), 20)
        out.commit_transaction(20) if offset == 4 else out.abort_transaction(20)
        seen = member.committed(place, 10)[0].offset
        check(seen == 4, f"committed {seen}")
    member.close()
    read(target, 1, 1, "read_committed")
    return "offset 4 committed, 10 aborted"


def fenced():
    name = topic("fenced", 1)
    conf = {"transactional_id": f"{PREFIX}-fenced", "transaction_timeout_ms": 30000}
    old, young = producer(**conf), producer(**conf)
    old.init_transactions(20)
    old.begin_transaction()
    old.produce(name, "old", "k")
    old.flush(20)
    young.init_transactions(20)
    young.begin_transaction()
    young.produce(name, "young", "k")
    young.commit_transaction(20)

    def on():
        old.produce(name, "older", "k")
        old.commit_transaction(20)

    met = error_of(on)
    check(met in ("_FENCED", "PRODUCER_FENCED", "INVALID_PRODUCER_EPOCH"), f"the old one met {met}")
    check(read(name, 1, 1, "read_committed")[0].value() == b"young", "not the young one's record")
    return "the old producer is fenced, its record aborted"


def describe_group():
    name, group_id = topic("described", 3), f"{PREFIX}-described"
    member = Member(name, group_id=group_id, client_id="who", partition_assignment_strategy="range")
    until("assigned", lambda: len(member.held) == 3)
    found = describe(group_id)
    listed = [each.group_id for each in admin.list_consumer_groups().result(20).valid]
    check(group_id in listed, "not listed")
    one = found.members[0]
    text = f"{state(found)}, {found.partition_assignor}, {one.client_id} with {len(one.assignment.topic_partitions)}"
    member.end()
    return f"{text}; then {state(describe(group_id))}"


def alter_group_offsets():
    name, group_id = topic("altered", 2), f"{PREFIX}-altered"
    wanted = [TopicPartition(name, 0, 3), TopicPartition(name, 1, 5)]
    results(admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group_id, wanted)]))
    return " and ".join(str(each.offset) for each in sorted(committed(group_id)))


def alter_configs():
    name = f"{PREFIX}-made"

    def now(key):
        resource = ConfigResource(ConfigResource.Type.TOPIC, name)
        return results(admin.describe_configs([resource]))[resource][key].value

    def alter(**configs):
        entries = [
            ConfigEntry(key.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
            for key, value in configs.items()
        ]
        resource = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=entries)
        results(admin.incremental_alter_configs([resource]))

    text = now("retention.ms")
    alter(retention_ms="3600000", cleanup_policy="compact")
    # A broker learns of it from the controller, soon.
    until("altered", lambda: now("retention.ms") == "3600000")
    text += f", {now('retention.ms')} {now('cleanup.policy')}"
    refused = error_of(lambda: alter(retention_ms="soon"))
    check(refused in ("INVALID_CONFIG", "INVALID_REQUEST"), f"nonsense met {refused}")
    return f"{text}, nonsense is refused"


def create_partitions():
    name = topic("grown", 1)
    results(admin.create_partitions([NewPartitions(name, 3)]))
    until("grown", lambda: len(admin.list_topics(name, timeout=10).topics[name].partitions) == 3)
    fill(name, 3, 0, 9)
    read(name, 3, 9)
    return f"1, then 3; to 2 {error_of(lambda: results(admin.create_partitions([NewPartitions(name, 2)])))}"


def delete_records():
    name = topic("trimmed", 1)
    fill(name, 1, 0, 100)
    place = TopicPartition(name, 0, 40)
    low = results(admin.delete_records([place]))[place].low_watermark
    return f"low watermark {low}, first read {read(name, 1, 60)[0].offset()}"


def delete_group():
    group_id = f"{PREFIX}-altered"
    results(admin.delete_consumer_groups([group_id]))
    return f"gone, then {error_of(lambda: results(admin.delete_consumer_groups([group_id])))}"


def delete_topic():
    name = f"{PREFIX}-made"
    results(admin.delete_topics([name]))
    until("gone", lambda: name not in admin.list_topics(timeout=10).topics)
    return f"gone, then {error_of(lambda: results(admin.delete_topics([name])))}"


say("create topic", create_topic)
for each in ("none", "gzip", "snappy", "lz4", "zstd"):
    say(f"codec {each}", lambda: codec(each))
say("group eager", lambda: group("eager", "range", 4))
say("group cooperative", lambda: group("cooperative", "cooperative-sticky", 2))
say("static member", static_member)
say("offsets by time", offsets_by_time)
say("transaction commit and abort", transactions)
say("transaction with offsets", transaction_with_offsets)
say("transaction fenced", fenced)
say("describe group", describe_group)
say("alter group offsets", alter_group_offsets)
say("alter configs", alter_configs)
say("create partitions", create_partitions)
say("delete records", delete_records)
say("delete group", delete_group)
say("delete topic", delete_topic)
