package transport

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func pauseOf(value string) http.Header { return http.Header{headerRetryAfter: {value}} }

// The gate is shut for as long as the server asks, within reason, whatever
// the calls would wait.
func TestGateAfter429(t *testing.T) {
	tests := []struct {
		name    string
		asked   string
		maxWait time.Duration
		opens   time.Duration
		told    time.Duration
	}{
		{"no bound", "40", 0, 40 * time.Second, 40 * time.Second},
		{"a bound below the pause", "40", 2 * time.Second, 40 * time.Second, 40 * time.Second},
		{"a bound above the pause", "40", time.Minute, 40 * time.Second, 40 * time.Second},
		{"five minutes", "300", 0, 5 * time.Minute, 5 * time.Minute},
		{"too long", "301", 0, 5 * time.Minute, 301 * time.Second},
		{"too long, with a bound below it", "301", 2 * time.Second, 5 * time.Minute, 301 * time.Second},
		{"too long, with a bound above five minutes", "1800", 10 * time.Minute, 10 * time.Minute, 30 * time.Minute},
		{"an hour", "3600", 0, 5 * time.Minute, time.Hour},
		{"more than an hour", "3601", 0, 5 * time.Minute, time.Hour},
		{"more than an hour, with a bound above it", "5400", 2 * time.Hour, 90 * time.Minute, time.Hour},
		{"an age", "2147483647", 0, 5 * time.Minute, time.Hour},
		{"a date that never comes", "Fri, 31 Dec 9999 23:59:59 GMT", 0, 5 * time.Minute, time.Hour},
		{"a date that never comes, with a bound", "Fri, 31 Dec 9999 23:59:59 GMT", 2 * time.Second, 5 * time.Minute, time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &stub{answers: []answer{{status: 429, header: pauseOf(tt.asked)}, {status: 200}}}
				e := newEngine(server, func(o *Options) { o.MaxWait, o.MaxRetries = tt.maxWait, 0 })
				began := time.Now()
				_, err := e.Do(t.Context(), newCall(http.MethodGet, true))
				if f := failureOf(t, err); f.RetryAfter != tt.told || e.RateLimit().RetryAfter != tt.told {
					t.Errorf("told to wait %s, rate limit %+v; want %s", f.RetryAfter, e.RateLimit(), tt.told)
				}
				time.Sleep(tt.opens - time.Second - time.Nanosecond)
				_, err = e.Do(t.Context(), newCall(http.MethodGet, true))
				if err == nil {
					if at := server.sent[1].at.Sub(began); at != tt.opens {
						t.Errorf("the next call was sent after %s, want %s", at, tt.opens)
					}
					return
				}
				t.Errorf("the next call, a second before the gate opens: %+v", failureOf(t, err))
			})
		})
	}
}

// A call that would rather fail than wait does so at the gate.
func TestGateRefusesWhoWouldNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &stub{answers: []answer{{status: 429, header: pauseOf("40")}, {status: 200}}}
		e := newEngine(server, func(o *Options) { o.MaxWait = 2 * time.Second })
		for left := 40 * time.Second; left > 2*time.Second; left -= time.Second {
			_, err := e.Do(t.Context(), newCall(http.MethodGet, true))
			f := failureOf(t, err)
			if f == nil || !f.RateLimited || f.Cause != nil || f.RetryAfter != left || server.count() != 1 {
				t.Fatalf("%s before the gate opens: %+v after %d requests", left, f, server.count())
			}
			time.Sleep(time.Second)
		}
		if _, err := e.Do(t.Context(), newCall(http.MethodGet, true)); err != nil {
			t.Errorf("two seconds before the gate opens: %+v", failureOf(t, err))
		}
	})
}

// The header that means something depends on the status.
func TestWhatAsksForAPause(t *testing.T) {
	reset := http.Header{headerReset: {"55"}}
	both := http.Header{headerReset: {"55"}, headerRetryAfter: {"20"}}
	dated := http.Header{headerRetryAfter: {"Wed, 01 Jan 2025 00:00:20 GMT"}, "Date": {"Wed, 01 Jan 2025 00:00:00 GMT"}}
	tests := []struct {
		status int
		header http.Header
		told   time.Duration
	}{
		{429, reset, 55 * time.Second},
		{429, both, 20 * time.Second},
		{500, reset, 0},
		{500, both, 20 * time.Second},
		{502, dated, 20 * time.Second},
		{503, reset, 0},
		{503, pauseOf("2147483647"), time.Hour},
		{503, pauseOf("Fri, 31 Dec 9999 23:59:59 GMT"), time.Hour},
		{501, both, 20 * time.Second},
		{404, both, 0},
		{422, reset, 0},
		{400, both, 0},
		{301, both, 0},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			server := &stub{answers: []answer{{status: tt.status, header: tt.header}}}
			e := newEngine(server, func(o *Options) { o.MaxRetries = 0 })
			_, err := e.Do(t.Context(), newCall(http.MethodGet, true))
			if f := failureOf(t, err); f.RetryAfter != tt.told {
				t.Errorf("%d with %v: told to wait %s, want %s", tt.status, tt.header, f.RetryAfter, tt.told)
			}
		})
	}
}

// A 502 from in front of the API carries the header of the rate limit, too.
func TestResetDoesNotDelayARetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &stub{answers: []answer{{status: 502, header: http.Header{headerReset: {"55"}}}, {status: 200}}}
		began := time.Now()
		_, err := newEngine(server).Do(t.Context(), newCall(http.MethodGet, true))
		if took := time.Since(began); err != nil || took > firstBackoff {
			t.Errorf("took %s with %v", took, err)
		}
	})
}

func TestLongestWaitIsASum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &stub{answers: []answer{{status: 429, header: pauseOf("6")}}}
		e := newEngine(server, func(o *Options) { o.MaxWait = 10 * time.Second })
		began := time.Now()
		_, err := e.Do(t.Context(), newCall(http.MethodPost, false))
		f := failureOf(t, err)
		if took := time.Since(began); took != 6*time.Second || f.Attempts != 2 || !f.RateLimited || f.RetryAfter != 6*time.Second {
			t.Errorf("took %s with %+v, want 6s and a second refusal", took, f)
		}
	})
}

func TestLongestWaitCountsEveryKindOfWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &stub{answers: []answer{{status: 503, header: pauseOf("6")}, {status: 429, header: pauseOf("3")}, {status: 503, header: pauseOf("2")}}}
		e := newEngine(server, func(o *Options) { o.MaxWait = 10 * time.Second })
		began := time.Now()
		_, err := e.Do(t.Context(), newCall(http.MethodGet, true))
		f := failureOf(t, err)
		if took := time.Since(began); took != 9*time.Second || f.Attempts != 3 || f.RateLimited || f.RetryAfter != 2*time.Second {
			t.Errorf("took %s with %+v, want 9s and the last 503", took, f)
		}
	})
}

func TestRateLimitKeepsWhatWasSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := func(limit, remaining string) http.Header {
			h := http.Header{}
			if limit != "" {
				h.Set(headerLimit, limit)
			}
			if remaining != "" {
				h.Set(headerRemaining, remaining)
			}
			return h
		}
		server := &stub{answers: []answer{
			{status: 429, header: pauseOf("20")},
			{status: 200, header: said("120", "90")},
			{status: 429, header: pauseOf("20")},
			{status: 200, header: said("", "80")},
			{status: 200, header: said("60", "")},
			{status: 200},
			{status: 200, header: said("60", "0")},
		}}
		e := newEngine(server, func(o *Options) { o.MaxRetries = 0 })
		for i, want := range []RateLimit{
			{RetryAfter: 20 * time.Second},
			{Limit: 120, Remaining: 90},
			{Limit: 120, Remaining: 90, RetryAfter: 20 * time.Second},
			{Limit: 120, Remaining: 80},
			{Limit: 60, Remaining: 80},
			{Limit: 60, Remaining: 80},
			{Limit: 60, Remaining: 0},
		} {
			_, _ = e.Do(t.Context(), newCall(http.MethodGet, true))
			got := e.RateLimit()
			got.ReceivedAt = time.Time{}
			if got != want {
				t.Errorf("after answer %d: %+v, want %+v", i+1, got, want)
			}
			time.Sleep(window)
		}
	})
}

func TestBackoffGrows(t *testing.T) {
	const samples = 200
	longest := make([]time.Duration, 8)
	var sum time.Duration
	for range samples {
		synctest.Test(t, func(t *testing.T) {
			server := &stub{answers: []answer{{err: errDial, dial: true}}}
			_, _ = newEngine(server, func(o *Options) { o.MaxRetries = len(longest) }).Do(t.Context(), newCall(http.MethodGet, true))
			for i := range longest {
				wait := server.sent[i+1].at.Sub(server.sent[i].at)
				longest[i] = max(longest[i], wait)
				sum += wait
			}
		})
	}
	seconds := []float64{1, 2, 4, 8, 16, 30, 30, 30}
	var mean time.Duration
	for i, s := range seconds {
		bound := time.Duration(s * float64(time.Second))
		mean += bound / 2
		if longest[i] > bound || longest[i] < bound*9/10 {
			t.Errorf("the longest of %d waits before retry %d is %s, want nearly %s", samples, i+1, longest[i], bound)
		}
	}
	// Jitter that is not full would make them all longer, or all alike.
	if got := sum / samples; got < mean*9/10 || got > mean*11/10 {
		t.Errorf("%d retries wait %s on average, want about %s", len(seconds), got, mean)
	}
}
