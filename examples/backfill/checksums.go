package main

import "errors"

// The reasons why a stream cannot be resumed.
var (
	errOtherStream = errors.New("this is not the stream that an earlier run read, or it has changed: set another -checkpoint")
	errEndsEarly   = errors.New("the stream ends before the last event that an earlier run finished")
)

// checksums are those of a stream from its start to the end of some lines, by
// line number: the last line of each range of finished events, and each started
// event.
type checksums map[int]string

// add stores the checksum of a finished or started line. It drops the checksum
// of the line before within a range, which the later one includes.
func (s checksums) add(number int, checksum string, finished *ranges) {
	if checksum == "" {
		return
	}
	s[number] = checksum
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

// verify is called with each line in order, before it is skipped or replayed.
func (s checksums) verify(l line, atEnd bool) error {
	checksum, known := s[l.number]
	switch {
	case known && checksum != l.checksum && !l.isTruncated:
		return errOtherStream
	case known && checksum == l.checksum:
		delete(s, l.number)
	}
	if atEnd && len(s) > 0 {
		return errEndsEarly
	}
	return nil
}
