package checkpoint

import "slices"

// ranges is a set of numbers, stored as intervals. Events finish nearly in
// order, so a few intervals hold millions of them.
type ranges struct {
	intervals []interval // sorted, with gaps between them
	size      int        // of the set
}

// An interval contains both its ends.
type interval struct{ first, last int }

func (r *ranges) add(n int) {
	i := r.search(n)
	switch {
	case i == len(r.intervals) || n < r.intervals[i].first-1:
		r.intervals = slices.Insert(r.intervals, i, interval{n, n})
	case n == r.intervals[i].first-1:
		r.intervals[i].first = n
	case n == r.intervals[i].last+1:
		r.intervals[i].last = n
		if i+1 < len(r.intervals) && r.intervals[i+1].first == n+1 {
			r.intervals[i].last = r.intervals[i+1].last
			r.intervals = slices.Delete(r.intervals, i+1, i+2)
		}
	default:
		return
	}
	r.size++
}

func (r *ranges) has(n int) bool {
	i := r.search(n)
	return i < len(r.intervals) && r.intervals[i].first <= n && n <= r.intervals[i].last
}

// search returns the index of the first interval that ends at n-1 or later.
func (r *ranges) search(n int) int {
	i, _ := slices.BinarySearchFunc(r.intervals, n-1, func(iv interval, n int) int { return iv.last - n })
	return i
}
