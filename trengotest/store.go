package trengotest

import (
	"cmp"
	"slices"
)

// A sequence assigns ascending IDs. Its value is the highest ID so far.
type sequence int64

// take returns id, or the next ID if id is zero.
func (q *sequence) take(id int64) int64 {
	if id == 0 {
		id = int64(*q) + 1
	}
	*q = max(*q, sequence(id))
	return id
}

// A table stores the values of one kind in ascending order of their IDs.
type table[T any] struct {
	ids  sequence
	rows []row[T]
}

// find returns the index of id, or the index where it belongs and false.
func (t *table[T]) find(id int64) (int, bool) {
	return slices.BinarySearchFunc(t.rows, id, func(r row[T], id int64) int { return cmp.Compare(r.id, id) })
}

// put stores v, replacing the value with the same ID.
func (t *table[T]) put(id int64, v *T) {
	i, found := t.find(id)
	if found {
		t.rows[i].value = v
		return
	}
	t.rows = slices.Insert(t.rows, i, row[T]{id: id, value: v})
}

// get returns nil if it does not find the ID.
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

// first panics if the table is empty.
func (t *table[T]) first() *T { return t.rows[0].value }

// all returns the values that keep accepts. A nil keep accepts every value.
func (t *table[T]) all(keep func(*T) bool) []*T {
	var found []*T
	for _, r := range t.rows {
		if keep == nil || keep(r.value) {
			found = append(found, r.value)
		}
	}
	return found
}

type row[T any] struct {
	id    int64
	value *T
}
