// What the Java clients do with a broker, feature by feature: one JSON line each.
// usage: java -cp 'LIB_DIR/*' Features.java BROKERS PREFIX
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.*;

public class Features {
  interface Feature { String run() throws Exception; }

  static String brokers, prefix;
  static Admin admin;

  public static void main(String[] args) throws Exception {
    brokers = args[0];
    prefix = args[1];
    admin = Admin.create(Map.of("bootstrap.servers", brokers, "request.timeout.ms", "10000", "default.api.timeout.ms", "20000"));
    say("create topic", Features::createTopic);
    for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) say("codec " + codec, () -> codec(codec));
    say("group eager", () -> group("eager", RangeAssignor.class, 0));
    say("group cooperative", () -> group("cooperative", CooperativeStickyAssignor.class, 2));
    say("static member", Features::staticMember);
    say("offsets by time", Features::offsetsByTime);
    say("transaction commit and abort", Features::transactions);
    say("transaction with offsets", Features::transactionWithOffsets);
    say("transaction fenced", Features::fenced);
    say("describe group", Features::describeGroup);
    say("alter group offsets", Features::alterGroupOffsets);
    say("alter configs", Features::alterConfigs);
    say("create partitions", Features::createPartitions);
    say("delete records", Features::deleteRecords);
    say("delete group", Features::deleteGroup);
    say("delete topic", Features::deleteTopic);
    admin.close(Duration.ZERO);
    System.exit(0);
  }

  static void say(String feature, Feature run) {
    String outcome = "ok", detail;
    try {
      detail = run.run();
    } catch (Throwable error) {
      outcome = "failed";
      Throwable cause = error instanceof ExecutionException ? error.getCause() : error;
      detail = cause.getClass().getSimpleName() + ": " + cause.getMessage();
    }
    System.out.println("{\"feature\":" + quote(feature) + ",\"outcome\":" + quote(outcome) + ",\"detail\":" + quote(detail) + "}");
    System.out.flush();
  }

  static String quote(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n").replace("\t", "\\t") + '"';
  }

  static void check(boolean isTrue, String what) {
    if (!isTrue) throw new AssertionError(what);
  }

  static String topic(String name, int partitions) throws Exception {
    String full = prefix + "-" + name;
    admin.createTopics(List.of(new NewTopic(full, partitions, (short) 1))).all().get();
    // The controller answers before its broker has heard of it.
    Map<TopicPartition, OffsetSpec> ends = new HashMap<>();
    for (int p = 0; p < partitions; p++) ends.put(new TopicPartition(full, p), OffsetSpec.latest());
    until("made", () -> {
      try {
        return admin.listOffsets(ends).all().get().size() == partitions;
      } catch (ExecutionException error) {
        return false;
      }
    });
    return full;
  }

  static KafkaProducer<String, String> producer(Map<String, Object> more) {
    Map<String, Object> conf = new HashMap<>(Map.of("bootstrap.servers", brokers, "delivery.timeout.ms", 20000, "request.timeout.ms", 10000, "max.block.ms", 20000));
    conf.putAll(more);
    return new KafkaProducer<>(conf, new StringSerializer(), new StringSerializer());
  }

  static KafkaConsumer<String, String> consumer(Map<String, Object> more) {
    Map<String, Object> conf = new HashMap<>(Map.of("bootstrap.servers", brokers, "auto.offset.reset", "earliest", "enable.auto.commit", false, "heartbeat.interval.ms", 100, "session.timeout.ms", 10000));
    conf.putAll(more);
    return new KafkaConsumer<>(conf, new StringDeserializer(), new StringDeserializer());
  }

  static void fill(String topic, int partitions, int from, int to) throws Exception {
    try (KafkaProducer<String, String> producer = producer(Map.of())) {
      for (int i = from; i < to; i++) producer.send(new ProducerRecord<>(topic, i % partitions, 1700000000000L + i, "k" + i % 7, "v" + i));
      producer.flush();
    }
  }

  static List<ConsumerRecord<String, String>> read(String topic, int partitions, int count, String isolation) {
    List<ConsumerRecord<String, String>> all = new ArrayList<>();
    try (KafkaConsumer<String, String> consumer = consumer(Map.of("isolation.level", isolation))) {
      List<TopicPartition> places = IntStream.range(0, partitions).mapToObj(p -> new TopicPartition(topic, p)).toList();
      consumer.assign(places);
      consumer.seekToBeginning(places);
      long end = System.nanoTime() + 15_000_000_000L;
      while (all.size() < count && System.nanoTime() < end) consumer.poll(Duration.ofMillis(100)).forEach(all::add);
      consumer.poll(Duration.ofMillis(100)).forEach(all::add);
    }
    check(all.size() == count, all.size() + " records, not " + count);
    return all;
  }

  static String createTopic() throws Exception {
    String name = prefix + "-made";
    NewTopic wanted = new NewTopic(name, 4, (short) 1).configs(Map.of("retention.ms", "86400000"));
    admin.createTopics(List.of(wanted)).all().get();
    check(admin.listTopics().names().get().contains(name), "not listed");
    TopicDescription found = admin.describeTopics(List.of(name)).allTopicNames().get().get(name);
    try {
      admin.createTopics(List.of(wanted)).all().get();
      throw new AssertionError("made twice");
    } catch (ExecutionException error) {
      check(error.getCause() instanceof TopicExistsException, error.toString());
    }
    return found.partitions().size() + " partitions, the second time TopicExistsException";
  }

  static String codec(String codec) throws Exception {
    String topic = topic("codec-" + codec, 2);
    try (KafkaProducer<String, String> producer = producer(Map.of("compression.type", codec, "linger.ms", 20, "enable.idempotence", true))) {
      for (int i = 0; i < 2000; i++) {
        ProducerRecord<String, String> record = new ProducerRecord<>(topic, i % 2, 1700000000000L + i, i % 5 == 0 ? null : "key-" + i, i % 11 == 0 ? null : "value-" + "x".repeat(i % 50) + i);
        if (i % 3 == 0) record.headers().add(new RecordHeader("h", ("" + i).getBytes()));
        producer.send(record);
      }
      producer.flush();
    }
    for (ConsumerRecord<String, String> record : read(topic, 2, 2000, "read_uncommitted")) {
      int i = (int) record.offset() * 2 + record.partition();
      check(Objects.equals(record.key(), i % 5 == 0 ? null : "key-" + i), "key of " + i);
      check(Objects.equals(record.value(), i % 11 == 0 ? null : "value-" + "x".repeat(i % 50) + i), "value of " + i);
      check(record.timestamp() == 1700000000000L + i, "time of " + i);
      check(record.headers().toArray().length == (i % 3 == 0 ? 1 : 0), "headers of " + i);
    }
    return "2000 records, nulls and headers included";
  }

  /** A member with a thread of its own, which commits before it gives partitions up. */
  static class Member implements ConsumerRebalanceListener {
    final KafkaConsumer<String, String> consumer;
    final Set<TopicPartition> held = ConcurrentHashMap.newKeySet();
    final Queue<String> values = new ConcurrentLinkedQueue<>();
    final List<Integer> revoked = new CopyOnWriteArrayList<>();
    volatile boolean isRunning = true;
    volatile Throwable failure;
    final Thread thread;

    Member(String topic, Map<String, Object> conf) {
      consumer = Features.consumer(conf);
      consumer.subscribe(List.of(topic), this);
      thread = new Thread(() -> {
        try {
          while (isRunning) {
            consumer.poll(Duration.ofMillis(20)).forEach(record -> values.add(record.value()));
            commit();
          }
          while (!commit()) consumer.poll(Duration.ofMillis(20)).forEach(record -> values.add(record.value()));
          consumer.close();
        } catch (Throwable error) {
          failure = error;
        }
      });
      thread.start();
    }

    /** In a cooperative rebalance members read on, and commit when it is over. */
    boolean commit() {
      try {
        consumer.commitSync();
        return true;
      } catch (RebalanceInProgressException error) {
        return false;
      }
    }

    public void onPartitionsAssigned(Collection<TopicPartition> partitions) { held.addAll(partitions); }

    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
      if (!partitions.isEmpty()) revoked.add(partitions.size());
      consumer.commitSync();
      held.removeAll(partitions);
    }

    void end() throws Exception {
      isRunning = false;
      thread.join();
      if (failure != null) throw new RuntimeException(failure);
    }
  }

  static void until(String what, Callable<Boolean> isTrue) throws Exception {
    long end = System.nanoTime() + 30_000_000_000L;
    while (!isTrue.call()) {
      check(System.nanoTime() < end, "still not: " + what);
      Thread.sleep(10);
    }
  }

  static String group(String name, Class<?> assignor, int mostRevoked) throws Exception {
    String topic = topic(name, 4);
    Map<String, Object> conf = Map.of("group.id", prefix + "-" + name, "partition.assignment.strategy", List.of(assignor));
    fill(topic, 4, 0, 100);
    Member first = new Member(topic, conf);
    until("all with the first", () -> first.held.size() == 4 && first.values.size() == 100);
    Member second = new Member(topic, conf);
    until("two each", () -> first.held.size() == 2 && second.held.size() == 2);
    fill(topic, 4, 100, 200);
    until("both read on", () -> first.values.size() + second.values.size() >= 200);
    second.end();
    until("all with the first again", () -> first.held.size() == 4);
    fill(topic, 4, 200, 300);
    until("it reads on", () -> first.values.size() + second.values.size() >= 300);
    first.end();
    List<String> all = Stream.concat(first.values.stream(), second.values.stream()).toList();
    check(all.size() == 300 && new HashSet<>(all).size() == 300, all.size() + " read, " + new HashSet<>(all).size() + " different");
    if (mostRevoked > 0) check(first.revoked.get(0) <= mostRevoked, "the first gave up " + first.revoked.get(0));
    Map<TopicPartition, OffsetAndMetadata> committed = admin.listConsumerGroupOffsets(prefix + "-" + name).partitionsToOffsetAndMetadata().get();
    check(committed.values().stream().allMatch(offset -> offset.offset() == 75), committed.toString());
    return "4, then 2 and 2, then 4 partitions; 300 records once each; the first gave up " + first.revoked.get(0);
  }

  static String staticMember() throws Exception {
    String topic = topic("static", 2);
    Map<String, Object> conf = Map.of("group.id", prefix + "-static", "group.instance.id", "one", "session.timeout.ms", 30000);
    Set<String> ids = new HashSet<>();
    for (int round = 0; round < 2; round++) {
      KafkaConsumer<String, String> consumer = consumer(conf);
      consumer.subscribe(List.of(topic));
      long end = System.nanoTime() + 20_000_000_000L;
      while (consumer.assignment().size() < 2 && System.nanoTime() < end) consumer.poll(Duration.ofMillis(50));
      check(consumer.assignment().size() == 2, "no assignment");
      consumer.close();
      ConsumerGroupDescription group = admin.describeConsumerGroups(List.of(prefix + "-static")).all().get().get(prefix + "-static");
      check(group.members().size() == 1, "it left");
      ids.add(group.members().iterator().next().groupInstanceId().orElse("none") + " " + group.groupState());
    }
    return "closed and back: " + String.join(", ", ids);
  }

  static String offsetsByTime() throws Exception {
    String topic = topic("times", 1);
    try (KafkaProducer<String, String> producer = producer(Map.of())) {
      for (long time : new long[] {1000, 2000, 3000}) producer.send(new ProducerRecord<>(topic, 0, time, "k", "v")).get();
    }
    List<Long> found = new ArrayList<>();
    TopicPartition place = new TopicPartition(topic, 0);
    for (OffsetSpec spec : List.of(OffsetSpec.earliest(), OffsetSpec.latest(), OffsetSpec.forTimestamp(1500), OffsetSpec.forTimestamp(3001)))
      found.add(admin.listOffsets(Map.of(place, spec)).partitionResult(place).get().offset());
    return found.toString();
  }

  static String transactions() throws Exception {
    String topic = topic("txn", 2);
    try (KafkaProducer<String, String> producer = producer(Map.of("transactional.id", prefix + "-txn"))) {
      producer.initTransactions();
      for (int round = 0; round < 3; round++) {
        producer.beginTransaction();
        for (int i = 0; i < 10; i++) producer.send(new ProducerRecord<>(topic, i % 2, "k", (round == 1 ? "aborted" : "committed") + round + i));
        producer.flush();
        if (round == 1) producer.abortTransaction();
        else producer.commitTransaction();
      }
    }
    List<ConsumerRecord<String, String>> committed = read(topic, 2, 20, "read_committed");
    check(committed.stream().allMatch(record -> record.value().startsWith("committed")), "aborted ones are read");
    read(topic, 2, 30, "read_uncommitted");
    return "read_committed 20, read_uncommitted 30 records";
  }

  static String transactionWithOffsets() throws Exception {
    String source = topic("txn-source", 1), target = topic("txn-target", 1), group = prefix + "-txn-group";
    fill(source, 1, 0, 10);
    try (KafkaConsumer<String, String> consumer = consumer(Map.of("group.id", group, "isolation.level", "read_committed"));
        KafkaProducer<String, String> producer = producer(Map.of("transactional.id", prefix + "-txn-offsets"))) {
      producer.initTransactions();
      consumer.subscribe(List.of(source));
      List<ConsumerRecord<String, String>> got = new ArrayList<>();
      long end = System.nanoTime() + 20_000_000_000L;
      while (got.size() < 10 && System.nanoTime() < end) consumer.poll(Duration.ofMillis(50)).forEach(got::add);
      TopicPartition place = new TopicPartition(source, 0);
      for (long offset : new long[] {4, 10}) {
        producer.beginTransaction();
        producer.send(new ProducerRecord<>(target, "k", "to " + offset));
        producer.sendOffsetsToTransaction(Map.of(place, new OffsetAndMetadata(offset)), consumer.groupMetadata());
        if (offset == 4) {
          producer.commitTransaction();
          long seen = consumer.committed(Set.of(place)).get(place).offset();
          check(seen == 4, "committed " + seen);
        } else producer.abortTransaction();
      }
      long seen = consumer.committed(Set.of(place)).get(place).offset();
      check(seen == 4, "after the abort " + seen);
    }
    read(target, 1, 1, "read_committed");
    return "offset 4 committed, 10 aborted";
  }

  static String fenced() throws Exception {
    String topic = topic("fenced", 1);
    Map<String, Object> conf = Map.of("transactional.id", prefix + "-fenced");
    try (KafkaProducer<String, String> old = producer(conf); KafkaProducer<String, String> young = producer(conf)) {
      old.initTransactions();
      old.beginTransaction();
      old.send(new ProducerRecord<>(topic, 0, "k", "old")).get();
      young.initTransactions();
      young.beginTransaction();
      young.send(new ProducerRecord<>(topic, 0, "k", "young")).get();
      young.commitTransaction();
      String met;
      try {
        old.send(new ProducerRecord<>(topic, 0, "k", "older")).get();
        old.commitTransaction();
        met = "nothing";
      } catch (Exception error) {
        met = (error instanceof ExecutionException ? error.getCause() : error).getClass().getSimpleName();
      }
      check(List.of("ProducerFencedException", "InvalidProducerEpochException").contains(met), "the old one met " + met);
    }
    check(read(topic, 1, 1, "read_committed").get(0).value().equals("young"), "not the young one's record");
    return "the old producer is fenced, its record aborted";
  }

  static String describeGroup() throws Exception {
    String topic = topic("described", 3), group = prefix + "-described";
    Member member = new Member(topic, Map.of("group.id", group, "client.id", "who"));
    until("assigned", () -> member.held.size() == 3);
    ConsumerGroupDescription found = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
    boolean isListed = admin.listGroups().all().get().stream().anyMatch(each -> each.groupId().equals(group));
    check(isListed, "not listed");
    MemberDescription one = found.members().iterator().next();
    String text = found.groupState() + ", " + found.partitionAssignor() + ", " + one.clientId() + " with " + one.assignment().topicPartitions().size();
    member.end();
    return text + "; then " + admin.describeConsumerGroups(List.of(group)).all().get().get(group).groupState();
  }

  static String alterGroupOffsets() throws Exception {
    String topic = topic("altered", 2), group = prefix + "-altered";
    TopicPartition[] places = {new TopicPartition(topic, 0), new TopicPartition(topic, 1)};
    admin.alterConsumerGroupOffsets(group, Map.of(places[0], new OffsetAndMetadata(3, "why"), places[1], new OffsetAndMetadata(5))).all().get();
    Map<TopicPartition, OffsetAndMetadata> found = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
    String text = found.get(places[0]).offset() + " (" + found.get(places[0]).metadata() + ") and " + found.get(places[1]).offset();
    admin.deleteConsumerGroupOffsets(group, Set.of(places[1])).all().get();
    return text + ", then " + admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().size();
  }

  static String alterConfigs() throws Exception {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, prefix + "-made");
    Callable<String> now = () -> admin.describeConfigs(List.of(resource)).all().get().get(resource).get("retention.ms").value();
    String text = now.call();
    admin.incrementalAlterConfigs(Map.of(resource, List.of(
        new AlterConfigOp(new ConfigEntry("retention.ms", "3600000"), AlterConfigOp.OpType.SET),
        new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), AlterConfigOp.OpType.SET)))).all().get();
    // A broker learns of it from the controller, soon.
    until("altered", () -> now.call().equals("3600000"));
    text += ", " + now.call() + " " + admin.describeConfigs(List.of(resource)).all().get().get(resource).get("cleanup.policy").value();
    try {
      admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "soon"), AlterConfigOp.OpType.SET)))).all().get();
      return text + ", and takes nonsense";
    } catch (ExecutionException error) {
      check(error.getCause() instanceof InvalidConfigurationException || error.getCause() instanceof InvalidRequestException, error.toString());
      return text + ", nonsense is refused";
    }
  }

  static String createPartitions() throws Exception {
    String topic = topic("grown", 1);
    admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all().get();
    until("grown", () -> admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size() == 3);
    fill(topic, 3, 0, 9);
    read(topic, 3, 9, "read_uncommitted");
    try {
      admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(2))).all().get();
      return "can shrink";
    } catch (ExecutionException error) {
      return "1, then 3; to 2 " + error.getCause().getClass().getSimpleName();
    }
  }

  static String deleteRecords() throws Exception {
    String topic = topic("trimmed", 1);
    fill(topic, 1, 0, 100);
    TopicPartition place = new TopicPartition(topic, 0);
    long low = admin.deleteRecords(Map.of(place, RecordsToDelete.beforeOffset(40))).lowWatermarks().get(place).get().lowWatermark();
    long first = read(topic, 1, 60, "read_uncommitted").get(0).offset();
    return "low watermark " + low + ", first read " + first;
  }

  static String deleteGroup() throws Exception {
    String group = prefix + "-altered";
    admin.deleteConsumerGroups(List.of(group)).all().get();
    boolean isListed = admin.listGroups().all().get().stream().anyMatch(each -> each.groupId().equals(group));
    check(!isListed, "still listed");
    try {
      admin.deleteConsumerGroups(List.of(group)).all().get();
      return "twice";
    } catch (ExecutionException error) {
      return "gone, then " + error.getCause().getClass().getSimpleName();
    }
  }

  static String deleteTopic() throws Exception {
    String name = prefix + "-made";
    admin.deleteTopics(List.of(name)).all().get();
    until("gone", () -> !admin.listTopics().names().get().contains(name));
    try {
      admin.describeTopics(List.of(name)).allTopicNames().get();
      return "still described";
    } catch (ExecutionException error) {
      return "gone, then " + error.getCause().getClass().getSimpleName();
    }
  }
}
