package trengo_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

func TestNewHandler_mistakes(t *testing.T) {
	t.Parallel()
	const (
		noDestination = "the destination is nil, or was not made by NewDestination"
		timeout       = "Timeout is negative"
		maxBodyBytes  = "MaxBodyBytes is negative"
		noSecret      = "neither Secrets nor a SigningSecret is set; AllowUnauthenticated would accept events from everybody"
		contradiction = "a secret is set, and so is AllowUnauthenticated"
		noValue       = " is empty or cannot be the value of a header"
		noName        = "SecretHeader is not the name of a header"
		noUse         = "SecretHeader is set, and Secrets is empty"
	)
	d := fixtures.NewDeployment(t).Destination
	bad := func(numbers ...int) (all []string) {
		for _, n := range numbers {
			all = append(all, "secret "+strconv.Itoa(n)+noValue)
		}
		return all
	}
	for name, c := range map[string]struct {
		destination *trengo.Destination
		cfg         trengo.HandlerConfig
		says        []string
	}{
		"no destination":                        {nil, fixtures.AllowAll, []string{noDestination}},
		"neither secret nor signature":          {d, trengo.HandlerConfig{}, []string{noSecret}},
		"AllowUnauthenticated with a secret":    {d, trengo.HandlerConfig{AllowUnauthenticated: true, Secrets: []string{"s"}}, []string{contradiction}},
		"AllowUnauthenticated with a signature": {d, trengo.HandlerConfig{AllowUnauthenticated: true, SigningSecret: "s"}, []string{contradiction}},
		"an empty secret":                       {d, trengo.HandlerConfig{Secrets: []string{""}}, bad(0)},
		"secrets that cannot be header values":  {d, trengo.HandlerConfig{Secrets: []string{"fine", " a", "b ", "a\nb", "Bearer "}}, bad(1, 2, 3, 4)},
		"an invalid header name":                {d, trengo.HandlerConfig{Secrets: []string{"s"}, SecretHeader: "X Secret"}, []string{noName}},
		"a header name without secrets":         {d, trengo.HandlerConfig{SigningSecret: "s", SecretHeader: "X-Secret"}, []string{noUse}},
		"negative limits":                       {d, trengo.HandlerConfig{AllowUnauthenticated: true, Timeout: -1, MaxBodyBytes: -1}, []string{timeout, maxBodyBytes}},
		"several mistakes":                      {nil, trengo.HandlerConfig{Timeout: -1, MaxBodyBytes: -1, SecretHeader: "é"}, []string{noDestination, timeout, maxBodyBytes, noUse, noName, noSecret}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler, err := trengo.NewHandler(c.destination, c.cfg)
			if diff := cmp.Diff("trengo: invalid handler: "+strings.Join(c.says, "\n"), testkit.ErrorText(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if handler != nil {
				t.Error("a handler with an error")
			}
		})
	}
}

const (
	timeout       = 8 * time.Second  // of a handler, by default
	senderTimeout = 10 * time.Second // of RudderStack
)

func refused(status int, err string) fixtures.HandlerResponse {
	return fixtures.HandlerResponse{Status: status, Error: err}
}

// Events that do not fit into the rate limit before the timeout are refused at
// once, and open no ticket.
func TestHandler_noRoomInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := fixtures.NewWebhook(t, fixtures.AllowAll)
		w.Behavior.Latency = 200 * time.Millisecond
		w.WarmUp()
		const events = 300
		contacts := make([]int64, events)
		for i := range contacts {
			contacts[i] = w.AddContact(trengotest.Contact{}).ID
		}
		time.Sleep(time.Minute)
		before := len(w.Tickets())
		handler := fixtures.NewHandler(t, w.Destination, fixtures.AllowAll)
		var done, refused atomic.Int32
		var wg sync.WaitGroup
		for i, id := range contacts {
			wg.Go(func() {
				began := time.Now()
				_, got := fixtures.Serve(t, handler, fixtures.EventRequest(t.Context(), fixtures.EventJSON(t, fixtures.ForContact(fixtures.Track(strconv.Itoa(i), ""), id))))
				took := time.Since(began)
				switch got.Status {
				case http.StatusOK:
					done.Add(1)
				case http.StatusTooManyRequests:
					refused.Add(1)
					if took > 10*time.Millisecond {
						t.Errorf("refused after %s", took)
					}
				default:
					t.Errorf("response %+v", got)
				}
				if took > timeout {
					t.Errorf("responded after %s", took)
				}
			})
		}
		wg.Wait()
		if created := len(w.Tickets()) - before; created != int(done.Load()) {
			t.Errorf("%d tickets for %d successful events", created, done.Load())
		}
		// Half the limit at once, and two per second until the timeout.
		if done.Load() < 60+14 || done.Load()+refused.Load() != events {
			t.Errorf("%d successful, %d refused", done.Load(), refused.Load())
		}
	})
}

// With DelayRateLimited, 429 is returned at the timeout, and any other status at
// once.
func TestHandler_delayRateLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := fixtures.NewWebhook(t, trengo.HandlerConfig{AllowUnauthenticated: true, DelayRateLimited: true})
		w.AddContact(trengotest.Contact{Email: fixtures.AnnEmail})
		w.MustProcess(fixtures.Identify("", fixtures.AnnEmail, "")) // caches the contact
		deliver := func(body string, fault trengotest.Fault) (int, time.Duration) {
			time.Sleep(time.Minute)
			w.Inject(fault)
			began := time.Now()
			return w.Post(body).Status, time.Since(began)
		}
		event, array := fixtures.EventJSON(t, fixtures.Identify("", fixtures.AnnEmail, "Anna")), fixtures.ArrayJSON(t, fixtures.Identify("", fixtures.AnnEmail, "Anna"))
		if status, took := deliver(event, trengotest.TooManyRequests("60")); status != 429 || took != timeout {
			t.Errorf("status %d after %s", status, took)
		}
		// Arrays are delayed by different times, or all would be delivered again at once.
		delays := map[time.Duration]bool{}
		for range 10 {
			status, took := deliver(array, trengotest.TooManyRequests("60"))
			if status != 429 || took > timeout {
				t.Errorf("an array: status %d after %s", status, took)
			}
			delays[took] = true
		}
		if len(delays) < 5 {
			t.Errorf("arrays were delayed by %v", delays)
		}
		if status, took := deliver(event, trengotest.NoConnection()); status != 503 || took != 0 {
			t.Errorf("status %d after %s", status, took)
		}
		if status, took := deliver(event, trengotest.Fault{}); status != 200 || took != 0 {
			t.Errorf("status %d after %s", status, took)
		}
	})
}

// A ticket whose response was lost, or did not arrive before the timeout, may have
// been created.
func TestHandler_ticketWithUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]trengotest.Fault{
		"response too late": trengotest.Slow(time.Minute),
		"request lost":      trengotest.LostBefore(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := fixtures.NewWebhook(t, fixtures.AllowAll)
				w.WarmUp()
				w.AddContact(trengotest.Contact{Email: fixtures.AnnEmail})
				w.FailNext("open", fault)
				event := fixtures.EventJSON(t, fixtures.Track("1", fixtures.AnnEmail))
				began := time.Now()
				if got := w.Post(event); got.Status != 503 {
					t.Errorf("response %+v", got)
				}
				if took := time.Since(began); took > timeout {
					t.Errorf("responded after %s", took)
				}
				time.Sleep(2 * time.Minute)
				if got := w.Post(event); got.Status != 200 {
					t.Errorf("response to the next delivery %+v", got)
				}
				w.WantTickets(fixtures.FirstContact+1, 1)
			})
		})
	}
}

// A timeout during the search is a failure of Trengo. A timeout while waiting for
// another event of the person is not.
func TestHandler_timeoutBeforeTheTicket(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		another bool
		want    fixtures.HandlerResponse
	}{
		"in the search": {false, refused(503, "trengo: GET /contacts: timeout")},
		"while waiting": {true, refused(429, "trengo: waiting for another event of the same person: context deadline exceeded")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := fixtures.NewWebhook(t, fixtures.AllowAll)
				w.WarmUp()
				w.AddContact(trengotest.Contact{Email: fixtures.AnnEmail})
				w.Behavior.Latency = 20 * time.Second
				if c.another {
					go w.Process(fixtures.Identify("1", fixtures.AnnEmail, ""))
					synctest.Wait()
				}
				began := time.Now()
				if diff := cmp.Diff(c.want, w.Post(fixtures.EventJSON(t, fixtures.Track("2", fixtures.AnnEmail)))); diff != "" {
					t.Errorf("response (-want +got):\n%s", diff)
				}
				if took := time.Since(began); took != timeout {
					t.Errorf("responded after %s", took)
				}
				w.WantTickets(fixtures.FirstContact+1, 0)
				time.Sleep(time.Minute)
			})
		})
	}
}

// A response with 429 may refuse calls that are already waiting.
func TestHandler_rateLimitedWhileWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := fixtures.NewWebhook(t, fixtures.AllowAll)
		w.WarmUp()
		w.AddContact(trengotest.Contact{ID: 17})
		time.Sleep(time.Minute)
		var wg sync.WaitGroup
		for range 60 {
			wg.Go(func() { _ = w.Client.Do(t.Context(), trengo.Request{Path: "/contacts/17"}, nil) })
		}
		wg.Wait()
		w.SpendRateLimit(120)
		handler := fixtures.NewHandler(t, w.Destination, fixtures.AllowAll)
		for i := range 3 {
			wg.Go(func() {
				_, got := fixtures.Serve(t, handler, fixtures.EventRequest(t.Context(), fixtures.EventJSON(t, fixtures.ForContact(fixtures.Track(strconv.Itoa(i), ""), 17))))
				if got.Status != 429 {
					t.Errorf("response %+v", got)
				}
			})
		}
		wg.Wait()
		w.WantTickets(17, 0)
	})
}

// Processing stops when the sender has closed the connection.
func TestHandler_senderDisconnects(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := fixtures.NewWebhook(t, fixtures.AllowAll)
		w.WarmUp()
		w.AddContact(trengotest.Contact{Email: fixtures.AnnEmail})
		w.Behavior.Latency = 4 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, got := fixtures.Serve(t, w.Handler, fixtures.EventRequest(ctx, fixtures.EventJSON(t, fixtures.Track("1", fixtures.AnnEmail))))
		if took := time.Since(began); took != time.Second {
			t.Errorf("stopped after %s", took)
		}
		w.ResetRequests()
		time.Sleep(senderTimeout)
		if n := len(w.Requests()); n != 0 {
			t.Errorf("%d requests after the response %+v", n, got)
		}
	})
}

// Nothing is sent after the response.
func TestHandler_sendsNothingAfterTheResponse(t *testing.T) {
	t.Parallel()
	for latency := 500 * time.Millisecond; latency < 12*time.Second; latency += 500 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			w := fixtures.NewWebhook(t, fixtures.AllowAll, fixtures.CreateMissing)
			w.Behavior.Latency = latency
			began := time.Now()
			got := w.Post(fixtures.ArrayJSON(t, fixtures.Track("1", fixtures.AnnEmail), fixtures.Track("2", fixtures.BobEmail), fixtures.Identify("3", fixtures.AnnEmail, "Ann")))
			if took := time.Since(began); took > timeout {
				t.Errorf("latency %s: responded after %s", latency, took)
			}
			effects := len(w.Tickets())
			if done := got.Status == http.StatusOK; done && effects != 2 {
				t.Errorf("latency %s: status 200 with %d tickets", latency, effects)
			}
			w.ResetRequests()
			time.Sleep(time.Hour)
			if n := len(w.Requests()); n != 0 {
				t.Errorf("latency %s: %d requests after the response", latency, n)
			}
		})
	}
}

// A token source that is too slow is not a lack of room.
func TestHandler_slowTokenSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.New(t).NewDestination(trengo.DestinationConfig{}, trengo.WithTokenSource(func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		}))
		_, got := fixtures.Serve(t, fixtures.NewHandler(t, d, fixtures.AllowAll), fixtures.EventRequest(t.Context(), fixtures.EventJSON(t, fixtures.Identify("1", fixtures.AnnEmail, ""))))
		if diff := cmp.Diff(refused(503, "trengo: GET /contacts: no token: timeout"), got); diff != "" {
			t.Errorf("response (-want +got):\n%s", diff)
		}
	})
}

// An unknown outcome counts for more than a lack of room for its lookup.
func TestHandler_noRoomForTheLookup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := fixtures.NewWebhook(t, fixtures.AllowAll)
		w.WarmUp()
		w.AddContact(trengotest.Contact{Email: fixtures.AnnEmail})
		w.Inject(trengotest.Fault{}, trengotest.LostAfter(), trengotest.TooManyRequests("60"))
		event := fixtures.EventJSON(t, fixtures.Track("1", fixtures.AnnEmail))
		if got := w.Post(event); got.Status != 503 || !strings.Contains(got.Error, "429") {
			t.Errorf("response %+v", got)
		}
		// The next delivery does not have room for the lookup either.
		if got := w.Post(event); got.Status != 503 {
			t.Errorf("response %+v", got)
		}
		time.Sleep(2 * time.Minute)
		if got := w.Post(event); got.Status != 200 {
			t.Errorf("response %+v", got)
		}
		w.WantTickets(fixtures.FirstContact+1, 1)
	})
}

func signature(secret, body string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	io.WriteString(mac, body)
	return hex.EncodeToString(mac.Sum(nil))
}

func TestHandler_whoMaySend(t *testing.T) {
	t.Parallel()
	var (
		bySecret  = trengo.HandlerConfig{Secrets: []string{"Bearer new", "Bearer old"}}
		byOther   = trengo.HandlerConfig{Secrets: []string{"s3cret"}, SecretHeader: "x-events-secret"}
		bySegment = trengo.HandlerConfig{SigningSecret: "signed"}
		byEither  = trengo.HandlerConfig{Secrets: []string{"s3cret"}, SigningSecret: "signed"}
		signed    = signature("signed", fixtures.SkippedEvent)
	)
	for name, c := range map[string]struct {
		cfg    trengo.HandlerConfig
		header []string // names and values in turn
		body   string
		want   int
	}{
		"the new secret":                         {bySecret, []string{"Authorization", "Bearer new"}, fixtures.SkippedEvent, 200},
		"the old secret":                         {bySecret, []string{"Authorization", "Bearer old"}, fixtures.SkippedEvent, 200},
		"the header in lower case":               {bySecret, []string{"authorization", "Bearer old"}, fixtures.SkippedEvent, 200},
		"no secret":                              {bySecret, nil, fixtures.SkippedEvent, 401},
		"an empty secret":                        {bySecret, []string{"Authorization", ""}, fixtures.SkippedEvent, 401},
		"the secret without its scheme":          {bySecret, []string{"Authorization", "new"}, fixtures.SkippedEvent, 401},
		"the secret in a different case":         {bySecret, []string{"Authorization", "bearer new"}, fixtures.SkippedEvent, 401},
		"the beginning of a secret":              {bySecret, []string{"Authorization", "Bearer ne"}, fixtures.SkippedEvent, 401},
		"a longer secret":                        {bySecret, []string{"Authorization", "Bearer newer"}, fixtures.SkippedEvent, 401},
		"both secrets":                           {bySecret, []string{"Authorization", "Bearer new, Bearer old"}, fixtures.SkippedEvent, 401},
		"a configured header":                    {byOther, []string{"X-Events-Secret", "s3cret"}, fixtures.SkippedEvent, 200},
		"the secret in the wrong header":         {byOther, []string{"Authorization", "s3cret"}, fixtures.SkippedEvent, 401},
		"a signature":                            {bySegment, []string{"X-Signature", signed}, fixtures.SkippedEvent, 200},
		"a signature in capitals":                {bySegment, []string{"X-Signature", strings.ToUpper(signed)}, fixtures.SkippedEvent, 200},
		"no signature":                           {bySegment, nil, fixtures.SkippedEvent, 401},
		"a signature of another body":            {bySegment, []string{"X-Signature", signed}, fixtures.SkippedEvent + " ", 401},
		"a signature with another secret":        {bySegment, []string{"X-Signature", signature("other", fixtures.SkippedEvent)}, fixtures.SkippedEvent, 401},
		"the signature of only the first event":  {bySegment, []string{"X-Signature", signed}, "[" + fixtures.SkippedEvent + "]", 401},
		"a signature that is not hexadecimal":    {bySegment, []string{"X-Signature", "signed"}, fixtures.SkippedEvent, 401},
		"a part of a signature":                  {bySegment, []string{"X-Signature", signed[:8]}, fixtures.SkippedEvent, 401},
		"an unsigned body with a secret":         {byEither, []string{"Authorization", "s3cret"}, fixtures.SkippedEvent, 200},
		"a signed body without a secret":         {byEither, []string{"X-Signature", signed}, fixtures.SkippedEvent, 200},
		"a wrong signature and the right secret": {byEither, []string{"Authorization", "s3cret", "X-Signature", "00"}, fixtures.SkippedEvent, 200},
		"the right signature and a wrong secret": {byEither, []string{"Authorization", "wrong", "X-Signature", signed}, fixtures.SkippedEvent, 200},
		"neither secret nor signature":           {byEither, nil, fixtures.SkippedEvent, 401},
		"a signature instead of a secret":        {bySecret, []string{"X-Signature", signature("", fixtures.SkippedEvent)}, fixtures.SkippedEvent, 401},
		"a signature of the uncompressed body":   {bySegment, []string{"X-Signature", signed, "Content-Encoding", "gzip"}, fixtures.Gzip(fixtures.SkippedEvent), 200},
		"a signature of the compressed bytes":    {bySegment, []string{"X-Signature", signature("signed", fixtures.Gzip(fixtures.SkippedEvent)), "Content-Encoding", "gzip"}, fixtures.Gzip(fixtures.SkippedEvent), 401},
		"nothing, with AllowUnauthenticated":     {fixtures.AllowAll, nil, fixtures.SkippedEvent, 200},
		"any secret, with AllowUnauthenticated":  {fixtures.AllowAll, []string{"Authorization", "x", "X-Signature", "x"}, fixtures.SkippedEvent, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := fixtures.NewWebhook(t, c.cfg)
			r := fixtures.EventRequest(t.Context(), c.body)
			for i := 0; i < len(c.header); i += 2 {
				r.Header.Set(c.header[i], c.header[i+1])
			}
			if _, got := fixtures.Serve(t, w.Handler, r); got.Status != c.want {
				t.Errorf("response %+v, want status %d", got, c.want)
			}
			if processed := len(w.Outcomes) == 1; processed != (c.want == 200) {
				t.Errorf("outcomes %+v", w.Outcomes)
			}
		})
	}
}

// The body of an unauthenticated request is not read. It may never end.
func TestHandler_unauthenticatedBodyIsNotRead(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]trengo.HandlerConfig{
		"without a secret":    {Secrets: []string{"s3cret"}},
		"without a signature": {SigningSecret: "s3cret"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", notRead{t})
			if _, got := fixtures.Serve(t, fixtures.NewWebhook(t, cfg).Handler, r); got.Status != 401 {
				t.Errorf("response %+v", got)
			}
		})
	}
}

// notRead is a body that must not be read.
type notRead struct{ t *testing.T }

func (r notRead) Read([]byte) (int, error) {
	r.t.Error("the body was read")
	return 0, io.EOF
}

// Which requests are accepted.
func TestHandler_requests(t *testing.T) {
	t.Parallel()
	const limit = 200
	long := `{"type":"page","messageId":"` + strings.Repeat("0", limit) + `"}`
	skipped := fixtures.HandlerResponse{Status: 200, Action: "skipped", Reason: "neither identify nor track"}
	header := func(nameAndValue ...string) []string { return nameAndValue }
	cases := []struct {
		name, method string
		header       []string
		body         string
		want         fixtures.HandlerResponse
	}{
		{"JSON", "POST", nil, fixtures.SkippedEvent, skipped},
		{"JSON with a charset", "POST", header("Content-Type", "application/json; charset=utf-8"), fixtures.SkippedEvent, skipped},
		{"a kind of JSON", "POST", header("Content-Type", "application/cloudevents+json"), fixtures.SkippedEvent, skipped},
		{"gzipped JSON", "POST", header("Content-Encoding", "gzip"), fixtures.Gzip(fixtures.SkippedEvent), skipped},
		{"gzipped JSON as x-gzip", "POST", header("Content-Encoding", "x-gzip"), fixtures.Gzip(fixtures.SkippedEvent), skipped},
		{"gzipped JSON in capitals", "POST", header("Content-Encoding", "GZIP"), fixtures.Gzip(fixtures.SkippedEvent), skipped},
		{"JSON with encoding identity", "POST", header("Content-Encoding", "identity"), fixtures.SkippedEvent, skipped},
		{"a GET", "GET", nil, "", refused(405, "the method is not POST")},
		{"a PUT", "PUT", nil, fixtures.SkippedEvent, refused(405, "the method is not POST")},
		{"a form", "POST", header("Content-Type", "application/x-www-form-urlencoded"), fixtures.SkippedEvent, refused(415, "the Content-Type is not application/json")},
		{"no content type", "POST", header("Content-Type", ""), fixtures.SkippedEvent, refused(415, "the Content-Type is not application/json")},
		{"a content type with an invalid parameter", "POST", header("Content-Type", "application/json; charset"), fixtures.SkippedEvent, skipped},
		{"a byte order mark", "POST", nil, "\ufeff" + fixtures.SkippedEvent, skipped},
		{"a byte order mark before an array", "POST", nil, "\ufeff[" + fixtures.SkippedEvent + ",[]]", fixtures.HandlerResponse{Status: 400, Events: []fixtures.HandlerResponse{skipped, {Status: 400, Error: "trengo: invalid event: it is not a JSON object"}}}},
		{"a record event", "POST", nil, `{"type":"record"}`, refused(400, "trengo: invalid event: record events are not supported: send identify or track events")},
		{"a content type without a subtype", "POST", header("Content-Type", "json"), fixtures.SkippedEvent, refused(415, "the Content-Type is not application/json")},
		{"another encoding", "POST", header("Content-Encoding", "br"), fixtures.SkippedEvent, refused(415, "the Content-Encoding is not gzip")},
		{"two encodings", "POST", header("Content-Encoding", "gzip, gzip"), fixtures.Gzip(fixtures.Gzip(fixtures.SkippedEvent)), refused(415, "the Content-Encoding is not gzip")},
		{"too long", "POST", nil, long, refused(413, "the body is longer than 200 bytes")},
		{"too long because of white space", "POST", nil, fixtures.SkippedEvent + strings.Repeat(" ", limit), refused(413, "the body is longer than 200 bytes")},
		{"too long when decompressed", "POST", header("Content-Encoding", "gzip"), fixtures.Gzip(long), refused(413, "the body is longer than 200 bytes")},
		{"the longest allowed body", "POST", nil, fixtures.SkippedEvent + strings.Repeat(" ", limit-len(fixtures.SkippedEvent)), skipped},
		{"JSON that claims to be gzipped", "POST", header("Content-Encoding", "gzip"), fixtures.SkippedEvent, refused(400, "the body was cut off, or is not encoded as its header says")},
		{"truncated gzip", "POST", header("Content-Encoding", "gzip"), fixtures.Gzip(fixtures.SkippedEvent)[:20], refused(400, "the body was cut off, or is not encoded as its header says")},
		{"gzip with a wrong checksum", "POST", header("Content-Encoding", "gzip"), fixtures.Gzip(fixtures.SkippedEvent)[:len(fixtures.Gzip(fixtures.SkippedEvent))-8] + "01234567", refused(400, "the body was cut off, or is not encoded as its header says")},
		{"nothing", "POST", nil, "", refused(400, "trengo: invalid event: it is not a JSON object")},
		{"nothing, gzipped", "POST", header("Content-Encoding", "gzip"), "", refused(400, "the body was cut off, or is not encoded as its header says")},
		{"broken JSON", "POST", nil, `{"type":`, refused(400, "trengo: invalid event: it is not valid JSON")},
		{"a broken array", "POST", nil, "[" + fixtures.SkippedEvent, refused(400, "trengo: invalid event: it is not a JSON object")},
		{"text", "POST", nil, "ann@example.com", refused(400, "trengo: invalid event: it is not a JSON object")},
		{"two events", "POST", nil, fixtures.SkippedEvent + fixtures.SkippedEvent, refused(400, "trengo: invalid event: something follows the JSON object")},
		{"an array", "POST", nil, "\n[" + fixtures.SkippedEvent + "," + fixtures.SkippedEvent + "]", fixtures.HandlerResponse{Status: 200, Events: []fixtures.HandlerResponse{
			skipped, skipped,
		}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			handler := fixtures.NewHandler(t, fixtures.NewDeployment(t).Destination, trengo.HandlerConfig{AllowUnauthenticated: true, MaxBodyBytes: limit})
			r := fixtures.EventRequest(t.Context(), c.body)
			r.Method = c.method
			for i := 0; i < len(c.header); i += 2 {
				r.Header.Set(c.header[i], c.header[i+1])
			}
			response, got := fixtures.Serve(t, handler, r)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
			if allow := response.Get("Allow"); (allow == "POST") != (c.want.Status == 405) {
				t.Errorf("Allow is %q", allow)
			}
			if accept := response.Get("Accept-Encoding"); (accept == "gzip") != strings.Contains(c.want.Error, "Content-Encoding") {
				t.Errorf("Accept-Encoding is %q", accept)
			}
		})
	}
}

// Without MaxBodyBytes, a body may have 4 MB.
func TestHandler_maxBodyByDefault(t *testing.T) {
	t.Parallel()
	handler := fixtures.NewWebhook(t, fixtures.AllowAll).Handler
	for spaces, want := range map[int]int{4<<20 - len(fixtures.SkippedEvent): 200, 4<<20 - len(fixtures.SkippedEvent) + 1: 413} {
		if _, got := fixtures.Serve(t, handler, fixtures.EventRequest(t.Context(), fixtures.SkippedEvent+strings.Repeat(" ", spaces))); got.Status != want {
			t.Errorf("%d spaces: response %+v, want status %d", spaces, got, want)
		}
	}
}

// A slow body is read until the timeout. Its event has the time that is left, and
// is not taken for one whose sender has disconnected.
func TestHandler_slowBody(t *testing.T) {
	t.Parallel()
	const start = `{"type":`
	for name, c := range map[string]struct {
		rest string // sent after two seconds
		want fixtures.HandlerResponse
		took time.Duration
	}{
		"that never ends": {"", refused(408, "the body did not arrive in time"), timeout},
		"that ends":       {`"page"}`, fixtures.HandlerResponse{Status: 200, Action: "skipped", Reason: "neither identify nor track"}, 2 * time.Second},
		"of a slow event": {`"identify","traits":{"email":"ann@example.com"}}`, refused(503, "trengo: GET /contacts: timeout"), timeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := fixtures.NewWebhook(t, fixtures.AllowAll)
				w.Behavior.Latency = time.Minute
				conn, stop := dial(t, w.Handler)
				defer stop()
				began := time.Now()
				length := max(len(start)+len(c.rest), len(start)+1)
				io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "+strconv.Itoa(length)+"\r\n\r\n"+start)
				time.AfterFunc(2*time.Second, func() { io.WriteString(conn, c.rest) })
				wantResponse(t, conn, c.want)
				if took := time.Since(began); took != c.took {
					t.Errorf("responded after %s, want %s", took, c.took)
				}
			})
		})
	}
}

// The same holds for an unauthenticated request.
func TestHandler_slowUnauthenticatedBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn, stop := dial(t, fixtures.NewWebhook(t, trengo.HandlerConfig{Secrets: []string{"s3cret"}}).Handler)
		defer stop()
		began := time.Now()
		io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
		wantResponse(t, conn, refused(401, "the secret or the signature is missing or wrong"))
		if took := time.Since(began); took > timeout {
			t.Errorf("responded after %s", took)
		}
	})
}

// There is a read deadline while the server may read, but not while an event is
// processed: there it would look as if the sender had disconnected.
func TestHandler_readDeadline(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg  trengo.HandlerConfig
		body string
		want []time.Duration
	}{
		"an event":                   {fixtures.AllowAll, fixtures.SkippedEvent, []time.Duration{timeout, 0}},
		"an unauthenticated request": {trengo.HandlerConfig{Secrets: []string{"s3cret"}}, fixtures.SkippedEvent, []time.Duration{timeout}},
		"a body that is too long":    {trengo.HandlerConfig{AllowUnauthenticated: true, MaxBodyBytes: 1, Timeout: time.Second}, fixtures.SkippedEvent, []time.Duration{time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &connectedRecorder{ResponseRecorder: httptest.NewRecorder()}
				fixtures.NewWebhook(t, c.cfg).Handler.ServeHTTP(w, fixtures.EventRequest(t.Context(), c.body))
				if diff := cmp.Diff(c.want, w.deadlines); diff != "" {
					t.Errorf("deadlines (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A connectedRecorder is a ResponseWriter with read deadlines.
type connectedRecorder struct {
	*httptest.ResponseRecorder
	deadlines []time.Duration // from the time of the call; zero: none
}

func (c *connectedRecorder) SetReadDeadline(t time.Time) error {
	d := time.Duration(0)
	if !t.IsZero() {
		d = time.Until(t)
	}
	c.deadlines = append(c.deadlines, d)
	return nil
}

func wantResponse(t *testing.T, conn io.Reader, want fixtures.HandlerResponse) {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got fixtures.HandlerResponse
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" || resp.StatusCode != want.Status {
		t.Errorf("status %d, response (-want +got):\n%s", resp.StatusCode, diff)
	}
}

// dial starts a server without sockets, so that it works in a bubble, and connects
// to it.
func dial(t *testing.T, handler http.Handler) (conn net.Conn, stop func()) {
	t.Helper()
	listener := pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
	srv := &http.Server{Handler: handler}
	go srv.Serve(listener)
	conn, server := net.Pipe()
	listener.accept <- server
	return conn, func() {
		conn.Close()
		srv.Close()
	}
}

// pipes is a net.Listener for connections of net.Pipe.
type pipes struct {
	accept chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.accept:
		return conn, nil
	case <-p.closed:
		return nil, errors.New("closed")
	}
}

func (p pipes) Close() error {
	close(p.closed)
	return nil
}

func (pipes) Addr() net.Addr { return &net.TCPAddr{} }
