package lru_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/trengo-go/trengo/internal/lru"
)

// BenchmarkCache_memory reports how much memory an entry takes beside its key
// and value.
func BenchmarkCache_memory(b *testing.B) {
	type key [2]uint64
	const n = 100_000
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		c := lru.New[key, int64](n, time.Hour)
		for i := range uint64(n) {
			c.Put(key{i, i}, int64(i))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n-24, "B/entry")
		runtime.KeepAlive(c)
	}
}

func BenchmarkCache(b *testing.B) {
	const n = 100_000
	c := lru.New[[2]uint64, int64](n, time.Hour)
	for i := range uint64(n) {
		c.Put([2]uint64{i, i}, int64(i))
	}
	b.RunParallel(func(pb *testing.PB) {
		for i := uint64(0); pb.Next(); i += 7919 {
			c.Get([2]uint64{i % n, i % n})
		}
	})
}
