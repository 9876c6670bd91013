package main

import "slices"

// spans is a set of numbers, kept as runs of successive ones: events are done
// nearly in their order, so that a few runs hold millions of them.
type spans struct {
	runs []span
	size int
}

type span struct{ first, last int }

func (s *spans) add(n int) {
	i := s.near(n)
	switch {
	case i == len(s.runs) || n < s.runs[i].first-1:
		s.runs = slices.Insert(s.runs, i, span{n, n})
	case n == s.runs[i].first-1:
		s.runs[i].first = n
	case n == s.runs[i].last+1:
		s.runs[i].last = n
		if i+1 < len(s.runs) && s.runs[i+1].first == n+1 {
			s.runs[i].last = s.runs[i+1].last
			s.runs = slices.Delete(s.runs, i+1, i+2)
		}
	default:
		return
	}
	s.size++
}

func (s *spans) has(n int) bool {
	i := s.near(n)
	return i < len(s.runs) && s.runs[i].first <= n && n <= s.runs[i].last
}

// near is the first run that ends at n-1 or later.
func (s *spans) near(n int) int {
	i, _ := slices.BinarySearchFunc(s.runs, n-1, func(run span, n int) int { return run.last - n })
	return i
}
