package main

import "errors"

// sums are those of a stream to the end of some of its lines, by their
// numbers: to the end of each span of finished ones, and of those that were
// begun.
type sums map[int]string

// Why a stream does not go on where an earlier run ended.
var (
	errOtherStream = errors.New("this is not the stream that an earlier run read, or it was changed since: name another -checkpoint")
	errEndsEarly   = errors.New("the stream ends before the last event that an earlier run finished")
)

// add takes the sum of a line that is finished or begun. A later line speaks
// for the one before.
func (s sums) add(number int, sum string, finished *spans) {
	if sum == "" {
		return
	}
	s[number] = sum
	if !finished.has(number) {
		return
	}
	if finished.has(number + 1) {
		delete(s, number)
	}
	if finished.has(number - 1) {
		delete(s, number-1)
	}
}

// check is called with each line in order, before it is skipped or replayed.
func (s sums) check(l line, atEnd bool) error {
	sum, known := s[l.number]
	switch {
	case known && sum != l.sum && !l.isCut:
		return errOtherStream
	case known && sum == l.sum:
		delete(s, l.number)
	}
	if atEnd && len(s) > 0 {
		return errEndsEarly
	}
	return nil
}
