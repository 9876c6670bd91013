package testkit

import (
	"errors"
	"iter"
	"testing"

	"github.com/trengo-go/trengo"
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

// ErrorOf returns the [*trengo.Error] in err, and fails the test if there is
// none.
func ErrorOf(tb testing.TB, err error) *trengo.Error {
	tb.Helper()
	var failed *trengo.Error
	if !errors.As(err, &failed) {
		tb.Fatalf("error is %v (%T), want a *trengo.Error", err, err)
	}
	return failed
}

// ErrorText returns the text of err, and "" for nil.
func ErrorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
