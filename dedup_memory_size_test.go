package trengo

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// longTexts responds as a Trengo does in which every text is as long as possible.
// It refuses contacts whose name begins with "refused", and loses the responses
// for tickets whose subject begins with "lost".
type longTexts struct{ lastID atomic.Int64 }

const longText = 100_000

func (l *longTexts) RoundTrip(r *http.Request) (*http.Response, error) {
	var body struct{ Identifier, Name, Subject string }
	if r.Body != nil {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(data, &body); len(data) > 0 && err != nil {
			return nil, err
		}
	}
	id := l.lastID.Add(1)
	long := fmt.Sprintf("%d%s", id, strings.Repeat("n", longText))
	status, response := http.StatusOK, fmt.Sprintf(`{"id":%d,"name":%q,"email":%q}`, id, long, body.Identifier)
	switch {
	case r.Method == http.MethodGet:
		response = `{"data":[]}`
	case strings.HasPrefix(body.Name, "refused"):
		status, response = http.StatusUnprocessableEntity, fmt.Sprintf(`{"message":%q,"errors":{%q:[%q]}}`, long, "n_"+long, long)
	case strings.HasPrefix(body.Subject, "lost"):
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{
		StatusCode: status,
		Header:     http.Header{"Content-Type": {"application/json"}, "X-Long": {long}},
		Body:       io.NopCloser(strings.NewReader(response)),
		Request:    r,
	}, nil
}

// What is remembered of a person does not grow with the names, IDs, subjects and
// responses that belong to them.
func TestMemory_sizePerPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const warmUp, people, maxPerPerson = 10, 30, 6_000
		client, err := NewClient("token", WithHTTPClient(&http.Client{Transport: &longTexts{}}), WithMaxRetries(0))
		if err != nil {
			t.Fatal(err)
		}
		long := strings.Repeat("x", longText)
		d, err := NewDestination(client, DestinationConfig{
			ChannelID: memoryTestChannel, PeopleTTL: 24 * time.Hour, ResolveUserIDs: true,
			EventTemplates: map[string]string{"Ordered": "{{ text }}", "Lost": "lost {{ text }}"},
		})
		if err != nil {
			t.Fatal(err)
		}
		handler, err := NewHandler(d, HandlerConfig{AllowUnauthenticated: true, Timeout: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		var before int64
		for i := range warmUp + people {
			if i == warmUp { // what a process needs once does not count
				before = liveHeap()
			}
			event := func(format string, args ...any) string {
				return fmt.Sprintf(`{"messageId":"%s-%d","userId":"%s-%d",`, long, i, long, i) + fmt.Sprintf(format, args...) + `}`
			}
			array := "[" + strings.Join([]string{
				event(`"type":"identify","traits":{"email":"a%d@example.com","name":"%s"}`, i, long),
				event(`"type":"track","event":"Ordered","properties":{"text":"%s"}`, long),
				event(`"type":"track","event":"Lost","traits":{"email":"a%d@example.com"},"properties":{"text":"%s"}`, i, long),
				fmt.Sprintf(`{"type":"identify","messageId":"%s-r-%d","traits":{"email":"r%d@example.com","name":"refused %s"}}`, long, i, i, long),
				fmt.Sprintf(`{"type":"track","event":"Ordered","messageId":"%s-u-%d","userId":"%s-u-%d"}`, long, i, long, i),
			}, ",") + "]"
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(array))
			r.Header.Set("Content-Type", "application/json")
			handler.ServeHTTP(httptest.NewRecorder(), r)
		}
		perPerson := (liveHeap() - before) / people
		m := d.dedup.memory
		for what, n := range map[string]int{
			"contacts": m.contacts.Len(), "names": m.names.Len(), "users": m.users.users.Len(),
			"pending tickets": m.pendingTickets.Len(), "messages": m.results.Len() / 2, "failures": m.failures.Len() / 2,
		} {
			if n != warmUp+people {
				t.Errorf("%d %s are remembered, want %d", n, what, warmUp+people)
			}
		}
		t.Logf("%d bytes per person", perPerson)
		if perPerson > maxPerPerson {
			t.Errorf("%d bytes per person, want at most %d", perPerson, maxPerPerson)
		}
		runtime.KeepAlive(handler)
	})
}

func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
