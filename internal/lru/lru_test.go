package lru_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/internal/lru"
)

func TestCache(t *testing.T) {
	t.Parallel()
	c := lru.New[string, int](2, time.Minute)
	if _, ok := c.Get("a"); ok {
		t.Error("an empty cache has an entry")
	}
	c.Put("a", 1)
	c.Put("a", 2)
	if v, ok := c.Get("a"); v != 2 || !ok || c.Len() != 1 {
		t.Errorf("got %d, %t with %d entries; want the second value in the only entry", v, ok, c.Len())
	}
	c.Delete("a")
	c.Delete("a")
	if _, ok := c.Get("a"); ok || c.Len() != 0 {
		t.Error("a deleted entry is still present")
	}
}

func TestCache_evictsLeastRecentlyUsed(t *testing.T) {
	t.Parallel()
	c := lru.New[string, int](2, time.Minute)
	c.Put("a", 1)
	c.Put("b", 2)
	c.Get("a")
	c.Put("c", 3)
	for key, want := range map[string]bool{"a": true, "b": false, "c": true} {
		if _, ok := c.Get(key); ok != want {
			t.Errorf("%s is present: %t, want %t", key, ok, want)
		}
	}
}

func TestCache_entriesExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c := lru.New[string, int](2, time.Minute)
		c.Put("a", 1)
		time.Sleep(30 * time.Second)
		c.Get("a")
		time.Sleep(30*time.Second - 1)
		if _, ok := c.Get("a"); !ok {
			t.Errorf("expired after %s", time.Since(start))
		}
		time.Sleep(time.Nanosecond)
		if _, ok := c.Get("a"); ok || c.Len() != 0 {
			t.Error("present after its time to live: reading it must not extend its life")
		}
		c.Put("b", 1)
		time.Sleep(30 * time.Second)
		c.Put("b", 2)
		time.Sleep(30 * time.Second)
		if _, ok := c.Get("b"); !ok {
			t.Error("expired although it was set again")
		}
	})
}

func TestCache_staysWithinItsSize(t *testing.T) {
	t.Parallel()
	c := lru.New[int, int](100, time.Minute)
	var wg sync.WaitGroup
	for worker := range uint64(4) {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, worker))
			for range 5_000 {
				switch key := random.IntN(300); random.IntN(4) {
				case 0:
					c.Delete(key)
				case 1:
					if v, ok := c.Get(key); ok && v != -key {
						t.Errorf("%d has the value of %d", key, -v)
					}
				default:
					c.Put(key, -key)
				}
				if n := c.Len(); n > 100 {
					t.Errorf("%d entries", n)
				}
			}
		})
	}
	wg.Wait()
}
