package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func transactional(id string) *kgo.Client {
	return newClient(kgo.TransactionalID(prefix+"-"+id), kgo.TransactionTimeout(30*time.Second))
}

func transactions() string {
	name := topic("txn", 2)
	out := transactional("txn")
	defer out.Close()
	for _, kind := range []string{"committed", "aborted", "committed"} {
		no(out.BeginTransaction())
		var all []*kgo.Record
		for i := 0; i < 10; i++ {
			all = append(all, record(name, i%2, "k", fmt.Sprint(kind, i)))
		}
		no(out.ProduceSync(within(20), all...).FirstErr())
		no(out.EndTransaction(within(20), kgo.TransactionEndTry(kind == "committed")))
	}
	for _, each := range read(name, 2, 20, kgo.ReadCommitted()) {
		check(strings.HasPrefix(string(each.Value), "committed"), "aborted ones are read")
	}
	read(name, 2, 30, kgo.ReadUncommitted())
	return "read_committed 20, read_uncommitted 30 records"
}

// A session commits the offsets of all that it polled.
func transactionWithOffsets() string {
	source, target, group := topic("txn-source", 1), topic("txn-target", 1), prefix+"-txn-group"
	session := must(kgo.NewGroupTransactSession(
		kgo.SeedBrokers(brokers), kgo.TransactionalID(prefix+"-txn-offsets"), kgo.TransactionTimeout(30*time.Second),
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(source), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.RequireStableFetchOffsets(),
	))
	defer session.Close()
	round := func(from, to int, end kgo.TransactionEndTry) {
		fill(source, 1, from, to)
		for count := 0; count < to-from; {
			count += len(session.PollFetches(within(20)).Records())
		}
		no(session.Begin())
		no(session.ProduceSync(within(20), record(target, 0, "k", fmt.Sprint("to ", to))).FirstErr())
		_, err := session.End(context.Background(), end)
		no(err)
		// The end of a transaction is answered before its markers are written.
		until("committed 4", func() bool { return fmt.Sprint(committed(group)) == "[4]" })
	}
	round(0, 4, kgo.TryCommit)
	round(4, 10, kgo.TryAbort)
	read(target, 1, 1, kgo.ReadCommitted())
	return "offset 4 committed, 10 aborted"
}

func fenced() string {
	name := topic("fenced", 1)
	old, young := transactional("fenced"), transactional("fenced")
	defer old.Close()
	defer young.Close()
	no(old.BeginTransaction())
	no(old.ProduceSync(within(20), record(name, 0, "k", "old")).FirstErr())
	no(young.BeginTransaction())
	no(young.ProduceSync(within(20), record(name, 0, "k", "young")).FirstErr())
	no(young.EndTransaction(within(20), kgo.TryCommit))
	err := old.ProduceSync(within(20), record(name, 0, "k", "older")).FirstErr()
	if err == nil {
		err = old.EndTransaction(within(20), kgo.TryCommit)
	}
	met := nameOf(err)
	check(met == "PRODUCER_FENCED" || met == "INVALID_PRODUCER_EPOCH", "the old one met %s", met)
	check(string(read(name, 1, 1, kgo.ReadCommitted())[0].Value) == "young", "not the young one's record")
	return "the old producer is fenced, its record aborted"
}
