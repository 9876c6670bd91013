package transport

import (
	"net/http"
	"testing"
	"time"
)

func FuzzParseRetryAfter(f *testing.F) {
	for _, seed := range []string{"20", "0", "-1", "1.5", " 5", "5, 10", "9223372036854775807", "Sat, 01 Jan 2000 00:00:20 GMT", "Saturday, 01-Jan-00 00:00:20 GMT", "946684820", ""} {
		f.Add(seed, seed, seed)
	}
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, after, reset, date string) {
		header := http.Header{"Retry-After": {after}, "X-Ratelimit-Reset": {reset}, "Date": {date}}
		wait, stated := parseRetryAfter(header, now)
		if wait < 0 || !stated && wait != 0 {
			t.Errorf("wait %s, stated %t", wait, stated)
		}
	})
}
