package lru_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/trengo-go/trengo/internal/lru"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestMap(t *testing.T) {
	m := lru.New[string, int](2, time.Minute)
	if _, ok := m.Get(start, "a"); ok {
		t.Error("an empty map has an entry")
	}
	m.Put(start, "a", 1)
	m.Put(start, "a", 2)
	if v, ok := m.Get(start, "a"); v != 2 || !ok || m.Len() != 1 {
		t.Errorf("got %d, %t with %d entries; want the second value in the only entry", v, ok, m.Len())
	}
	m.Delete("a")
	m.Delete("a")
	if _, ok := m.Get(start, "a"); ok || m.Len() != 0 {
		t.Error("a deleted entry is there")
	}
}

func TestMap_leastRecentlyUsedGoes(t *testing.T) {
	m := lru.New[string, int](2, time.Minute)
	m.Put(start, "a", 1)
	m.Put(start, "b", 2)
	m.Get(start, "a")
	m.Put(start, "c", 3)
	for key, want := range map[string]bool{"a": true, "b": false, "c": true} {
		if _, ok := m.Get(start, key); ok != want {
			t.Errorf("%s is there: %t, want %t", key, ok, want)
		}
	}
}

func TestMap_entriesExpire(t *testing.T) {
	m := lru.New[string, int](2, time.Minute)
	m.Put(start, "a", 1)
	m.Get(start.Add(30*time.Second), "a")
	if _, ok := m.Get(start.Add(time.Minute-1), "a"); !ok {
		t.Error("gone before its time")
	}
	if _, ok := m.Get(start.Add(time.Minute), "a"); ok || m.Len() != 0 {
		t.Error("there after its time: a look must not make it younger")
	}
	m.Put(start, "b", 1)
	m.Put(start.Add(30*time.Second), "b", 2)
	if _, ok := m.Get(start.Add(time.Minute), "b"); !ok {
		t.Error("gone although it was set again")
	}
}

func TestMap_staysWithinItsSize(t *testing.T) {
	m := lru.New[int, int](100, time.Minute)
	random := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		switch key := random.IntN(300); random.IntN(4) {
		case 0:
			m.Delete(key)
		case 1:
			if v, ok := m.Get(start, key); ok && v != -key {
				t.Fatalf("%d has the value of %d", key, -v)
			}
		default:
			m.Put(start, key, -key)
		}
		if m.Len() > 100 {
			t.Fatalf("%d entries", m.Len())
		}
	}
}
