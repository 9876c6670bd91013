package testkit

import (
	"errors"
	"iter"
)

// Collect reads a sequence to its end. It returns the values without an error,
// and the errors joined.
func Collect[T any](seq iter.Seq2[T, error]) (all []T, err error) {
	for v, e := range seq {
		if e != nil {
			err = errors.Join(err, e)
			continue
		}
		all = append(all, v)
	}
	return all, err
}

// ErrorText returns the text of err, and "" for nil.
func ErrorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
