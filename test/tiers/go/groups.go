package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// member reads in a goroutine of its own, and commits before it gives partitions up.
type member struct {
	sync.Mutex
	client  *kgo.Client
	held    map[int32]bool
	values  []string
	revoked []int
	stop    context.CancelFunc
	done    chan error
}

func join(topic, group string, opts ...kgo.Opt) *member {
	m := &member{held: map[int32]bool{}, done: make(chan error, 1)}
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	base := []kgo.Opt{
		kgo.ConsumeTopics(topic), kgo.ConsumerGroup(group), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.HeartbeatInterval(100 * time.Millisecond),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, given map[string][]int32) {
			m.Lock()
			defer m.Unlock()
			for _, p := range given[topic] {
				m.held[p] = true
			}
		}),
		kgo.OnPartitionsRevoked(func(ctx context.Context, client *kgo.Client, taken map[string][]int32) {
			client.CommitUncommittedOffsets(ctx)
			m.Lock()
			defer m.Unlock()
			if len(taken[topic]) > 0 {
				m.revoked = append(m.revoked, len(taken[topic]))
			}
			for _, p := range taken[topic] {
				delete(m.held, p)
			}
		}),
	}
	m.client = newClient(append(base, opts...)...)
	go func() {
		for ctx.Err() == nil {
			fetches := m.client.PollFetches(ctx)
			m.Lock()
			fetches.EachRecord(func(each *kgo.Record) { m.values = append(m.values, string(each.Value)) })
			m.Unlock()
			m.client.AllowRebalance()
		}
		err := m.client.CommitUncommittedOffsets(context.Background())
		m.client.CloseAllowingRebalance()
		m.done <- err
	}()
	return m
}

func (m *member) end() {
	m.stop()
	no(<-m.done)
}

func (m *member) holds() int {
	m.Lock()
	defer m.Unlock()
	return len(m.held)
}

func (m *member) read() []string {
	m.Lock()
	defer m.Unlock()
	return append([]string(nil), m.values...)
}

func group(name string, balancer kgo.GroupBalancer, mostRevoked int) string {
	full, id := topic(name, 4), prefix+"-"+name
	fill(full, 4, 0, 100)
	first := join(full, id, kgo.Balancers(balancer))
	until("all with the first", func() bool { return first.holds() == 4 && len(first.read()) == 100 })
	second := join(full, id, kgo.Balancers(balancer))
	until("two each", func() bool { return first.holds() == 2 && second.holds() == 2 })
	fill(full, 4, 100, 200)
	until("both read on", func() bool { return len(first.read())+len(second.read()) >= 200 })
	second.end()
	until("all with the first again", func() bool { return first.holds() == 4 })
	fill(full, 4, 200, 300)
	until("it reads on", func() bool { return len(first.read())+len(second.read()) >= 300 })
	first.end()
	different := map[string]bool{}
	all := append(first.read(), second.read()...)
	for _, value := range all {
		different[value] = true
	}
	check(len(all) == 300 && len(different) == 300, "%d read, %d different", len(all), len(different))
	check(first.revoked[0] <= mostRevoked, "the first gave up %d", first.revoked[0])
	offsets := committed(id)
	check(fmt.Sprint(offsets) == "[75 75 75 75]", "%v", offsets)
	return fmt.Sprintf("4, then 2 and 2, then 4 partitions; 300 records once each; the first gave up %d", first.revoked[0])
}

func committed(group string) []int64 {
	var offsets []int64
	must(admin.FetchOffsets(within(20), group)).Each(func(each kadm.OffsetResponse) { offsets = append(offsets, each.At) })
	return sorted(offsets)
}

func describe(group string) kadm.DescribedGroup {
	found := must(admin.DescribeGroups(within(20), group))[group]
	no(found.Err)
	return found
}

func staticMember() string {
	name, id := topic("static", 2), prefix+"-static"
	told := map[string]bool{}
	for round := 0; round < 2; round++ {
		one := join(name, id, kgo.InstanceID("one"), kgo.SessionTimeout(30*time.Second))
		until("an assignment", func() bool { return one.holds() == 2 })
		one.end()
		found := describe(id)
		check(len(found.Members) == 1, "it left")
		told[*found.Members[0].InstanceID+" "+found.State] = true
	}
	text := "closed and back: "
	for each := range told {
		text += each
	}
	return text
}

func describeGroup() string {
	name, id := topic("described", 3), prefix+"-described"
	one := join(name, id, kgo.ClientID("who"), kgo.Balancers(kgo.RangeBalancer()))
	until("assigned", func() bool { return one.holds() == 3 })
	found := describe(id)
	_, isListed := must(admin.ListGroups(within(20)))[id]
	check(isListed, "not listed")
	text := fmt.Sprintf("%s, %s, %s with %d", found.State, found.Protocol, found.Members[0].ClientID, len(found.AssignedPartitions()[name]))
	one.end()
	return text + "; then " + describe(id).State
}

func alterGroupOffsets() string {
	name, id := topic("altered", 2), prefix+"-altered"
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: name, Partition: 0, At: 3, Metadata: "why", LeaderEpoch: -1})
	offsets.Add(kadm.Offset{Topic: name, Partition: 1, At: 5, LeaderEpoch: -1})
	no(must(admin.CommitOffsets(within(20), id, offsets)).Error())
	found := must(admin.FetchOffsets(within(20), id))
	one, _ := found.Lookup(name, 0)
	other, _ := found.Lookup(name, 1)
	text := fmt.Sprintf("%d (%s) and %d", one.At, one.Metadata, other.At)
	removed := kadm.TopicsSet{}
	removed.Add(name, 1)
	no(must(admin.DeleteOffsets(within(20), id, removed)).Error())
	return fmt.Sprintf("%s, then %d", text, len(committed(id)))
}

func deleteGroup() string {
	id := prefix + "-altered"
	remove := func() error { return must(must(admin.DeleteGroups(within(20), id)).On(id, nil)).Err }
	no(remove())
	return "gone, then " + nameOf(remove())
}
