// What franz-go does with a broker, feature by feature: one JSON line each.
// usage: features BROKERS PREFIX
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const startMs = 1_700_000_000_000

var (
	brokers, prefix string
	client          *kgo.Client
	admin           *kadm.Client
)

func main() {
	brokers, prefix = os.Args[1], os.Args[2]
	client = newClient()
	admin = kadm.NewClient(client)
	say("create topic", createTopic)
	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	for _, name := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		say("codec "+name, func() string { return codec(name, codecs[name]) })
	}
	say("group eager", func() string { return group("eager", kgo.RangeBalancer(), 4) })
	say("group cooperative", func() string { return group("cooperative", kgo.CooperativeStickyBalancer(), 2) })
	say("static member", staticMember)
	say("offsets by time", offsetsByTime)
	say("transaction commit and abort", transactions)
	say("transaction with offsets", transactionWithOffsets)
	say("transaction fenced", fenced)
	say("describe group", describeGroup)
	say("alter group offsets", alterGroupOffsets)
	say("alter configs", alterConfigs)
	say("create partitions", createPartitions)
	say("delete records", deleteRecords)
	say("delete group", deleteGroup)
	say("delete topic", deleteTopic)
	client.Close()
}

// say prints a feature's row; a feature reports what is wrong by panic.
func say(feature string, run func() string) {
	outcome, detail := "ok", ""
	func() {
		defer func() {
			if reason := recover(); reason != nil {
				outcome, detail = "failed", fmt.Sprint(reason)
			}
		}()
		detail = run()
	}()
	line, _ := json.Marshal(map[string]string{"feature": feature, "outcome": outcome, "detail": detail})
	fmt.Println(string(line))
}

func check(isTrue bool, format string, args ...any) {
	if !isTrue {
		panic(fmt.Sprintf(format, args...))
	}
}

func must[T any](value T, err error) T {
	no(err)
	return value
}

func no(err error) {
	if err != nil {
		panic(err)
	}
}

func nameOf(err error) string {
	var known *kerr.Error
	if errors.As(err, &known) {
		return known.Message
	}
	return fmt.Sprint(err)
}

func within(seconds int) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(seconds)*time.Second)
	context.AfterFunc(ctx, cancel)
	return ctx
}

func newClient(opts ...kgo.Opt) *kgo.Client {
	base := []kgo.Opt{kgo.SeedBrokers(brokers), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.FetchMaxWait(200 * time.Millisecond)}
	return must(kgo.NewClient(append(base, opts...)...))
}

func topic(name string, partitions int32) string {
	full := prefix + "-" + name
	no(must(admin.CreateTopic(within(20), partitions, 1, nil, full)).Err)
	// The controller answers before its broker has heard of it.
	until("made", func() bool {
		ends, err := admin.ListEndOffsets(within(20), full)
		return err == nil && ends.Error() == nil && len(ends[full]) == int(partitions)
	})
	return full
}

func record(topic string, partition int, key, value string) *kgo.Record {
	return &kgo.Record{Topic: topic, Partition: int32(partition), Key: []byte(key), Value: []byte(value)}
}

func fill(topic string, partitions, from, to int) {
	var all []*kgo.Record
	for i := from; i < to; i++ {
		each := record(topic, i%partitions, "k"+strconv.Itoa(i%7), "v"+strconv.Itoa(i))
		each.Timestamp = time.UnixMilli(startMs + int64(i))
		all = append(all, each)
	}
	no(client.ProduceSync(within(20), all...).FirstErr())
}

func read(topic string, partitions, count int, isolation kgo.IsolationLevel) []*kgo.Record {
	places := map[int32]kgo.Offset{}
	for p := 0; p < partitions; p++ {
		places[int32(p)] = kgo.NewOffset().AtStart()
	}
	source := newClient(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: places}), kgo.FetchIsolationLevel(isolation))
	defer source.Close()
	var found []*kgo.Record
	for end := time.Now().Add(15 * time.Second); len(found) < count && time.Now().Before(end); {
		found = append(found, poll(source, 100)...)
	}
	found = append(found, poll(source, 300)...)
	check(len(found) == count, "%d records, not %d", len(found), count)
	return found
}

func poll(source *kgo.Client, waitMs int) []*kgo.Record {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(waitMs)*time.Millisecond)
	defer cancel()
	fetches := source.PollFetches(ctx)
	for _, failure := range fetches.Errors() {
		if !errors.Is(failure.Err, context.DeadlineExceeded) {
			panic(failure.Err)
		}
	}
	return fetches.Records()
}

func until(what string, isTrue func() bool) {
	for end := time.Now().Add(30 * time.Second); !isTrue(); time.Sleep(10 * time.Millisecond) {
		check(time.Now().Before(end), "still not: %s", what)
	}
}

func createTopic() string {
	name, retention := prefix+"-made", "86400000"
	configs := map[string]*string{"retention.ms": &retention}
	no(must(admin.CreateTopic(within(20), 4, 1, configs, name)).Err)
	found := must(admin.ListTopics(within(20), name))[name]
	_, err := admin.CreateTopic(within(20), 4, 1, configs, name)
	return fmt.Sprintf("%d partitions, the second time %s", len(found.Partitions), nameOf(err))
}

func codec(name string, codec kgo.CompressionCodec) string {
	full := topic("codec-"+name, 2)
	out := newClient(kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(20*time.Millisecond))
	var all []*kgo.Record
	for i := 0; i < 2000; i++ {
		each := &kgo.Record{Topic: full, Partition: int32(i % 2), Timestamp: time.UnixMilli(startMs + int64(i))}
		if i%5 != 0 {
			each.Key = []byte("key-" + strconv.Itoa(i))
		}
		if i%11 != 0 {
			each.Value = []byte("value-" + strings.Repeat("x", i%50) + strconv.Itoa(i))
		}
		if i%3 == 0 {
			each.Headers = []kgo.RecordHeader{{Key: "h", Value: []byte(strconv.Itoa(i))}}
		}
		all = append(all, each)
	}
	no(out.ProduceSync(within(20), all...).FirstErr())
	out.Close()
	for _, each := range read(full, 2, 2000, kgo.ReadUncommitted()) {
		i := int(each.Offset)*2 + int(each.Partition)
		sent := all[i]
		check(string(each.Key) == string(sent.Key) && (each.Key == nil) == (sent.Key == nil), "key of %d", i)
		check(string(each.Value) == string(sent.Value) && (each.Value == nil) == (sent.Value == nil), "value of %d", i)
		check(each.Timestamp.UnixMilli() == startMs+int64(i), "time of %d", i)
		check(len(each.Headers) == len(sent.Headers), "headers of %d", i)
	}
	return "2000 records, nulls and headers included"
}

func offsetsByTime() string {
	name := topic("times", 1)
	for _, ms := range []int64{1000, 2000, 3000} {
		each := record(name, 0, "k", "v")
		each.Timestamp = time.UnixMilli(ms)
		no(client.ProduceSync(within(20), each).FirstErr())
	}
	offset := func(found kadm.ListedOffsets, err error) int64 {
		no(err)
		no(found.Error())
		each, _ := found.Lookup(name, 0)
		return each.Offset
	}
	// kadm gives the end where no record is as young.
	return fmt.Sprint([]int64{
		offset(admin.ListStartOffsets(within(20), name)), offset(admin.ListEndOffsets(within(20), name)),
		offset(admin.ListOffsetsAfterMilli(within(20), 1500, name)), offset(admin.ListOffsetsAfterMilli(within(20), 3001, name)),
	})
}

func alterConfigs() string {
	name := prefix + "-made"
	now := func(key string) string {
		for _, config := range must(must(admin.DescribeTopicConfigs(within(20), name)).On(name, nil)).Configs {
			if config.Key == key {
				return config.MaybeValue()
			}
		}
		panic("no " + key)
	}
	alter := func(key, value string) error {
		found := must(admin.AlterTopicConfigs(within(20), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: key, Value: &value}}, name))
		return must(found.On(name, nil)).Err
	}
	text := now("retention.ms")
	no(alter("retention.ms", "3600000"))
	no(alter("cleanup.policy", "compact"))
	// A broker learns of it from the controller, soon.
	until("altered", func() bool { return now("retention.ms") == "3600000" && now("cleanup.policy") == "compact" })
	text += ", " + now("retention.ms") + " " + now("cleanup.policy")
	refused := nameOf(alter("retention.ms", "soon"))
	check(refused == "INVALID_CONFIG" || refused == "INVALID_REQUEST", "nonsense met %s", refused)
	return text + ", nonsense is refused"
}

func createPartitions() string {
	name := topic("grown", 1)
	no(must(must(admin.UpdatePartitions(within(20), 3, name)).On(name, nil)).Err)
	client.PurgeTopicsFromClient(name)
	until("grown", func() bool { return len(must(admin.ListTopics(within(20), name))[name].Partitions) == 3 })
	fill(name, 3, 0, 9)
	read(name, 3, 9, kgo.ReadUncommitted())
	shrunk := must(must(admin.UpdatePartitions(within(20), 2, name)).On(name, nil)).Err
	return "1, then 3; to 2 " + nameOf(shrunk)
}

func deleteRecords() string {
	name := topic("trimmed", 1)
	fill(name, 1, 0, 100)
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: name, Partition: 0, At: 40})
	found, _ := must(admin.DeleteRecords(within(20), offsets)).Lookup(name, 0)
	no(found.Err)
	return fmt.Sprintf("low watermark %d, first read %d", found.LowWatermark, read(name, 1, 60, kgo.ReadUncommitted())[0].Offset)
}

func deleteTopic() string {
	name := prefix + "-made"
	remove := func() error { return must(must(admin.DeleteTopics(within(20), name)).On(name, nil)).Err }
	no(remove())
	until("gone", func() bool { return !must(admin.ListTopics(within(20))).Has(name) })
	return "gone, then " + nameOf(remove())
}

func sorted(values []int64) []int64 {
	sort.Slice(values, func(i, j int) bool { return values[i] < values[j] })
	return values
}
