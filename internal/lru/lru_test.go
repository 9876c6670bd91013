package lru_test

import (
	"math/rand/v2"
	"slices"
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

// A large cache has parts, each with its own least recently used entry.
func TestCache_keepsWhatWasUsedLast(t *testing.T) {
	t.Parallel()
	const size = 20_000
	c := lru.New[int, int](size, time.Minute)
	for key := range 3 * size {
		c.Put(key, -key)
	}
	if n := c.Len(); n < size*9/10 || n > size {
		t.Errorf("%d entries, want about %d and no more", n, size)
	}
	for key := 3*size - size/2; key < 3*size; key++ {
		if v, ok := c.Get(key); !ok || v != -key {
			t.Fatalf("%d has %d, %t", key, v, ok)
		}
	}
}

// TestCache_model compares a cache with a plain one: a slice in the order of use.
func TestCache_model(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const size, ttl = 50, time.Minute
		type entry struct {
			key, value int
			expires    time.Time
		}
		var model []entry // the most recently used one last
		take := func(key int) (entry, bool) {
			i := slices.IndexFunc(model, func(e entry) bool { return e.key == key })
			if i < 0 {
				return entry{}, false
			}
			e := model[i]
			model = slices.Delete(model, i, i+1)
			return e, time.Now().Before(e.expires)
		}
		c := lru.New[int, int](size, ttl)
		random := rand.New(rand.NewPCG(1, 2))
		for step := range 100_000 {
			key := random.IntN(2 * size)
			switch random.IntN(10) {
			case 0:
				c.Delete(key)
				take(key)
			case 1, 2, 3, 4:
				value, ok := c.Get(key)
				e, want := take(key)
				if want {
					model = append(model, e)
				}
				if ok != want || ok && value != e.value {
					t.Fatalf("step %d: %d has %d, %t; want %d, %t", step, key, value, ok, e.value, want)
				}
			case 5:
				time.Sleep(time.Duration(random.Int64N(int64(ttl / 20))))
			default:
				c.Put(key, step)
				take(key)
				if len(model) == size {
					model = slices.Delete(model, 0, 1)
				}
				model = append(model, entry{key, step, time.Now().Add(ttl)})
			}
			if c.Len() != len(model) {
				t.Fatalf("step %d: %d entries, want %d", step, c.Len(), len(model))
			}
		}
	})
}
