package trengotest_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_Inject_roundTrip(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		fault     trengotest.Fault
		err       error // nil means that a response arrives
		bodyErr   error
		status    int
		processed bool
		connected bool
		counted   int
		takes     time.Duration
	}{
		{name: "none", status: 200, processed: true, connected: true, counted: 1},
		{name: "NoConnection", fault: trengotest.NoConnection(), err: syscall.ECONNREFUSED},
		{name: "LostBefore", fault: trengotest.LostBefore(), err: io.EOF, connected: true},
		{name: "LostAfter", fault: trengotest.LostAfter(), err: syscall.ECONNRESET, processed: true, connected: true, counted: 1},
		{
			name: "Respond", fault: trengotest.Respond(503, "application/json", `{"message":"Down."}`),
			status: 503, connected: true, counted: 1,
		},
		{name: "RespondHTML", fault: trengotest.RespondHTML(502), status: 502, connected: true, counted: 1},
		{
			name: "Slow", fault: trengotest.Slow(9 * time.Second),
			status: 200, processed: true, connected: true, counted: 1, takes: 9 * time.Second,
		},
		{
			name: "Late", fault: trengotest.Late(9 * time.Second),
			status: 200, processed: true, connected: true, counted: 1, takes: 9 * time.Second,
		},
		{
			name: "Truncated", fault: trengotest.Truncated(),
			status: 200, bodyErr: io.ErrUnexpectedEOF, processed: true, connected: true, counted: 1,
		},
		{name: "TooManyRequests", fault: trengotest.TooManyRequests("7"), status: 429, connected: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServer()
				srv.Inject(tt.fault)
				a := newAPI(t, srv)
				body := &closeRecorder{Reader: encode(t, create.body)}
				r := a.request(create.method, create.path, nil)
				r.Body = body
				var getConns, gotConns int
				r = r.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
					GetConn: func(hostPort string) {
						getConns++
						if hostPort != "app.trengo.com:443" {
							t.Errorf("got GetConn(%q)", hostPort)
						}
					},
					GotConn: func(info httptrace.GotConnInfo) {
						gotConns++
						info.Conn.RemoteAddr()
					},
				}))
				start := time.Now()
				resp, err := srv.RoundTrip(r)
				if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
					t.Fatalf("got error %v, want %v", err, tt.err)
				}
				if resp != nil {
					defer discard(resp)
					data, err := io.ReadAll(resp.Body)
					if resp.StatusCode != tt.status || !errors.Is(err, tt.bodyErr) {
						t.Errorf("got status %d, error %v, want %d, %v", resp.StatusCode, err, tt.status, tt.bodyErr)
					}
					if whole := int64(len(data)) == resp.ContentLength; whole != (tt.bodyErr == nil) {
						t.Errorf("got %d bytes of %d", len(data), resp.ContentLength)
					}
				}
				if took := time.Since(start); took != tt.takes {
					t.Errorf("took %v, want %v", took, tt.takes)
				}
				if getConns != 1 || (gotConns == 1) != tt.connected {
					t.Errorf("GetConn was called %d times, GotConn %d times", getConns, gotConns)
				}
				if !body.closed {
					t.Error("the request body was not closed")
				}
				if processed := len(srv.Contacts()) == 1; processed != tt.processed {
					t.Errorf("processed: %v, want %v", processed, tt.processed)
				}
				want := map[bool]string{true: "", false: tt.name}[tt.name == "none"]
				if seen := srv.Requests()[0]; seen.Fault != want || seen.Status != tt.status {
					t.Errorf("recorded fault %q and status %d", seen.Fault, seen.Status)
				}
				srv.SpendRateLimit(0)
				if left := a.do("GET", "/contacts", nil).header.Get(remainingHeader); left != map[int]string{0: "119", 1: "118"}[tt.counted] {
					t.Errorf("%s requests remain", left)
				}
			})
		})
	}
}

func TestServer_Inject_serveHTTP(t *testing.T) {
	t.Parallel()
	const short = time.Millisecond
	tests := []struct {
		name      string
		fault     trengotest.Fault
		fails     bool // no response, or a truncated one
		status    int
		processed bool
	}{
		{name: "NoConnection", fault: trengotest.NoConnection(), fails: true},
		{name: "LostBefore", fault: trengotest.LostBefore(), fails: true},
		{name: "LostAfter", fault: trengotest.LostAfter(), fails: true, processed: true},
		{name: "Respond", fault: trengotest.Respond(500, "", "oops"), status: 500},
		{name: "RespondHTML", fault: trengotest.RespondHTML(502), status: 502},
		{name: "Slow", fault: trengotest.Slow(short), status: 200, processed: true},
		{name: "Late", fault: trengotest.Late(short), status: 200, processed: true},
		{name: "Truncated", fault: trengotest.Truncated(), fails: true, status: 200, processed: true},
		{name: "TooManyRequests", fault: trengotest.TooManyRequests(""), status: 429},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := newServer()
			web := httptest.NewServer(srv)
			defer web.Close()
			a := newAPI(t, srv)
			a.client, a.base = web.Client(), web.URL+"/api/v2"
			srv.Inject(tt.fault)
			got, err := a.try(create.method, create.path, create.body)
			if (err != nil) != tt.fails || got.status != tt.status {
				t.Errorf("got status %d, error %v", got.status, err)
			}
			if processed := len(srv.Contacts()) == 1; processed != tt.processed {
				t.Errorf("processed: %v, want %v", processed, tt.processed)
			}
			if seen := srv.Requests(); len(seen) != 1 || seen[0].Fault != tt.name {
				t.Errorf("recorded %+v", seen)
			}
		})
	}
}

func TestNoConnection_isDialError(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	srv.Inject(trengotest.NoConnection())
	_, err := newAPI(t, srv).try("GET", "/contacts", nil)
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "dial" {
		t.Errorf("got error %v, want a dial error", err)
	}
}

func TestServer_Inject_order(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	srv.InjectFunc(func(r trengotest.Request) trengotest.Fault {
		if r.Status != 0 || r.Seq == 0 || r.Method != http.MethodGet {
			t.Errorf("chooses a fault for %+v", r)
		}
		return trengotest.RespondHTML(500)
	})
	srv.Inject(trengotest.RespondHTML(502), trengotest.Fault{})
	srv.Inject(trengotest.RespondHTML(504))
	a := newAPI(t, srv)
	for i, want := range []int{502, 200, 504, 500, 500} {
		if got := a.do("GET", "/contacts", nil); got.status != want {
			t.Errorf("request %d: got status %d, want %d", i+1, got.status, want)
		}
	}
	srv.InjectFunc(nil)
	if got := a.do("GET", "/contacts", nil); got.status != 200 {
		t.Errorf("got status %d after InjectFunc(nil), want 200", got.status)
	}
}

func TestTooManyRequests_headers(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "7", "Wed, 21 Oct 2015 07:28:00 GMT", "soon"} {
		srv := trengotest.New()
		srv.Inject(trengotest.TooManyRequests(value))
		got := newAPI(t, srv).do("GET", "/contacts", nil)
		if got.status != 429 || got.header.Get("Retry-After") != value || got.header.Get(remainingHeader) != "120" {
			t.Errorf("Retry-After %q: got status %d, header %v", value, got.status, got.header)
		}
		if _, present := got.header["Retry-After"]; present != (value != "") {
			t.Errorf("Retry-After %q: header is present: %v", value, present)
		}
	}
}

// An injected 429 reports the current quota.
func TestTooManyRequests_withinWindow(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	a := newAPI(t, srv)
	a.do("GET", "/contacts", nil)
	srv.Inject(trengotest.TooManyRequests("1"))
	for _, want := range []string{"119", "118"} {
		if got := a.do("GET", "/contacts", nil); got.header.Get(remainingHeader) != want {
			t.Errorf("got status %d, header %v, want %s requests remaining", got.status, got.header, want)
		}
	}
}

func TestTruncated_withoutBody(t *testing.T) {
	t.Parallel()
	srv := newServer()
	srv.AddContact(trengotest.Contact{Email: "ann@example.com"})
	srv.Inject(trengotest.Truncated())
	if got, err := newAPI(t, srv).try(http.MethodDelete, contactPath, nil); err != nil || got.status != 200 {
		t.Errorf("got status %d, error %v", got.status, err)
	}
}
