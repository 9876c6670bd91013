package trengotest

import (
	"cmp"
	"slices"
)

// A sequence hands out ids that rise.
type sequence int64

// take returns id, or the next one if id is 0.
func (q *sequence) take(id int64) int64 {
	if id == 0 {
		id = int64(*q) + 1
	}
	*q = max(*q, sequence(id))
	return id
}

// A table holds the things of one kind, in the order of their ids.
type table[T any] struct {
	ids  sequence
	rows []row[T]
}

type row[T any] struct {
	id    int64
	value *T
}

func (t *table[T]) find(id int64) (int, bool) {
	return slices.BinarySearchFunc(t.rows, id, func(r row[T], id int64) int { return cmp.Compare(r.id, id) })
}

// put stores v, in the place of what has its id.
func (t *table[T]) put(id int64, v *T) {
	i, found := t.find(id)
	if found {
		t.rows[i].value = v
		return
	}
	t.rows = slices.Insert(t.rows, i, row[T]{id: id, value: v})
}

// get returns nil if there is no such id.
func (t *table[T]) get(id int64) *T {
	i, found := t.find(id)
	if !found {
		return nil
	}
	return t.rows[i].value
}

func (t *table[T]) delete(id int64) {
	if i, found := t.find(id); found {
		t.rows = slices.Delete(t.rows, i, i+1)
	}
}

func (t *table[T]) first() *T { return t.rows[0].value }

// all returns everything that keep accepts. A nil keep accepts everything.
func (t *table[T]) all(keep func(*T) bool) []*T {
	var found []*T
	for _, r := range t.rows {
		if keep == nil || keep(r.value) {
			found = append(found, r.value)
		}
	}
	return found
}
