package trengotest_test

import (
	"context"
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

// create is a request whose traces are easy to see.
var create = step{method: "POST", path: "/channels/406001/contacts", body: map[string]any{"identifier": "ann@example.com"}}

func TestServer_Inject_roundTrip(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		fault     trengotest.Fault
		err       error // nil: an answer comes
		bodyErr   error
		status    int
		acted     bool
		connected bool
		counted   int
		takes     time.Duration
	}{
		{name: "none", status: 200, acted: true, connected: true, counted: 1},
		{name: "NoConnection", fault: trengotest.NoConnection(), err: syscall.ECONNREFUSED},
		{name: "LostBefore", fault: trengotest.LostBefore(), err: io.EOF, connected: true},
		{name: "LostAfter", fault: trengotest.LostAfter(), err: syscall.ECONNRESET, acted: true, connected: true, counted: 1},
		{
			name: "Respond", fault: trengotest.Respond(503, "application/json", `{"message":"Down."}`),
			status: 503, connected: true, counted: 1,
		},
		{name: "RespondHTML", fault: trengotest.RespondHTML(502), status: 502, connected: true, counted: 1},
		{
			name: "Slow", fault: trengotest.Slow(9 * time.Second),
			status: 200, acted: true, connected: true, counted: 1, takes: 9 * time.Second,
		},
		{
			name: "Late", fault: trengotest.Late(9 * time.Second),
			status: 200, acted: true, connected: true, counted: 1, takes: 9 * time.Second,
		},
		{
			name: "Truncated", fault: trengotest.Truncated(),
			status: 200, bodyErr: io.ErrUnexpectedEOF, acted: true, connected: true, counted: 1,
		},
		{name: "TooManyRequests", fault: trengotest.TooManyRequests("7"), status: 429, connected: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := desk()
				srv.Inject(tt.fault)
				a := newAPI(t, srv)
				body := &closeRecorder{Reader: encode(t, create.body)}
				r := a.request(create.method, create.path, nil)
				r.Body = body
				var asked, got int
				r = r.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
					GetConn: func(hostPort string) {
						asked++
						if hostPort != "app.trengo.com:443" {
							t.Errorf("GetConn(%q)", hostPort)
						}
					},
					GotConn: func(info httptrace.GotConnInfo) {
						got++
						info.Conn.RemoteAddr()
					},
				}))
				start := time.Now()
				resp, err := srv.RoundTrip(r)
				if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
					t.Fatalf("error %v, want %v", err, tt.err)
				}
				if resp != nil {
					defer discard(resp)
					data, err := io.ReadAll(resp.Body)
					if resp.StatusCode != tt.status || !errors.Is(err, tt.bodyErr) {
						t.Errorf("got %d, %v, want %d, %v", resp.StatusCode, err, tt.status, tt.bodyErr)
					}
					if whole := int64(len(data)) == resp.ContentLength; whole != (tt.bodyErr == nil) {
						t.Errorf("%d bytes of %d", len(data), resp.ContentLength)
					}
				}
				if took := time.Since(start); took != tt.takes {
					t.Errorf("took %v, want %v", took, tt.takes)
				}
				if asked != 1 || (got == 1) != tt.connected {
					t.Errorf("GetConn %d times, GotConn %d times", asked, got)
				}
				if !body.closed {
					t.Error("the body of the request is still open")
				}
				if acted := len(srv.Contacts()) == 1; acted != tt.acted {
					t.Errorf("acted on: %v", acted)
				}
				want := map[bool]string{true: "", false: tt.name}[tt.name == "none"]
				if seen := srv.Requests()[0]; seen.Fault != want || seen.Status != tt.status {
					t.Errorf("written down with fault %q and status %d", seen.Fault, seen.Status)
				}
				srv.SpendRateLimit(0)
				if left := a.do("GET", "/contacts", nil).header.Get(remainingHeader); left != map[int]string{0: "119", 1: "118"}[tt.counted] {
					t.Errorf("%s requests left", left)
				}
			})
		})
	}
}

type closeRecorder struct {
	io.Reader
	closed bool
}

func (c *closeRecorder) Close() error {
	c.closed = true
	return nil
}

func TestServer_Inject_serveHTTP(t *testing.T) {
	t.Parallel()
	const short = time.Millisecond
	tests := []struct {
		name   string
		fault  trengotest.Fault
		fails  bool // no answer, or not all of it
		status int
		acted  bool
	}{
		{name: "NoConnection", fault: trengotest.NoConnection(), fails: true},
		{name: "LostBefore", fault: trengotest.LostBefore(), fails: true},
		{name: "LostAfter", fault: trengotest.LostAfter(), fails: true, acted: true},
		{name: "Respond", fault: trengotest.Respond(500, "", "oops"), status: 500},
		{name: "RespondHTML", fault: trengotest.RespondHTML(502), status: 502},
		{name: "Slow", fault: trengotest.Slow(short), status: 200, acted: true},
		{name: "Late", fault: trengotest.Late(short), status: 200, acted: true},
		{name: "Truncated", fault: trengotest.Truncated(), fails: true, status: 200, acted: true},
		{name: "TooManyRequests", fault: trengotest.TooManyRequests(""), status: 429},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := desk()
			web := httptest.NewServer(srv)
			defer web.Close()
			a := newAPI(t, srv)
			a.client, a.base = web.Client(), web.URL+"/api/v2"
			srv.Inject(tt.fault)
			got, err := a.try(create.method, create.path, create.body)
			if (err != nil) != tt.fails || got.status != tt.status {
				t.Errorf("got %d, %v", got.status, err)
			}
			if acted := len(srv.Contacts()) == 1; acted != tt.acted {
				t.Errorf("acted on: %v", acted)
			}
			if seen := srv.Requests(); len(seen) != 1 || seen[0].Fault != tt.name {
				t.Errorf("written down as %+v", seen)
			}
		})
	}
}

func TestNoConnection_looksLikeADial(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	srv.Inject(trengotest.NoConnection())
	_, err := newAPI(t, srv).try("GET", "/contacts", nil)
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "dial" {
		t.Errorf("error is %v", err)
	}
}

func TestServer_Inject_order(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	srv.InjectFunc(func(r trengotest.Request) trengotest.Fault {
		if r.Status != 0 || r.Seq == 0 || r.Method != http.MethodGet {
			t.Errorf("asked about %+v", r)
		}
		return trengotest.RespondHTML(500)
	})
	srv.Inject(trengotest.RespondHTML(502), trengotest.Fault{})
	srv.Inject(trengotest.RespondHTML(504))
	a := newAPI(t, srv)
	for i, want := range []int{502, 200, 504, 500, 500} {
		if got := a.do("GET", "/contacts", nil); got.status != want {
			t.Errorf("request %d: %d, want %d", i+1, got.status, want)
		}
	}
	srv.InjectFunc(nil)
	if got := a.do("GET", "/contacts", nil); got.status != 200 {
		t.Errorf("without a function: %d", got.status)
	}
}

func TestTooManyRequests_headers(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "7", "Wed, 21 Oct 2015 07:28:00 GMT", "soon"} {
		srv := trengotest.New()
		srv.Inject(trengotest.TooManyRequests(value))
		got := newAPI(t, srv).do("GET", "/contacts", nil)
		if got.status != 429 || got.header.Get("Retry-After") != value || got.header.Get(remainingHeader) != "120" {
			t.Errorf("%q: %d %v", value, got.status, got.header)
		}
		if _, there := got.header["Retry-After"]; there != (value != "") {
			t.Errorf("%q: Retry-After is there: %v", value, there)
		}
	}
}

// The quota of a 429 that a fault makes is the one there is.
func TestTooManyRequests_withinWindow(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	a := newAPI(t, srv)
	a.do("GET", "/contacts", nil)
	srv.Inject(trengotest.TooManyRequests("1"))
	for _, want := range []string{"119", "118"} {
		if got := a.do("GET", "/contacts", nil); got.header.Get(remainingHeader) != want {
			t.Errorf("status %d with %v, want %s", got.status, got.header, want)
		}
	}
}

func TestServer_RoundTrip_hostPort(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	for base, want := range map[string]string{
		"https://help.example.com":      "help.example.com:443",
		"http://help.example.com":       "help.example.com:80",
		"http://help.example.com:8080":  "help.example.com:8080",
		"https://[2001:db8::1]/api/v2/": "[2001:db8::1]:443",
	} {
		var got string
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GetConn: func(hostPort string) { got = hostPort }})
		r, err := http.NewRequestWithContext(ctx, "", base, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Method = ""
		resp, err := srv.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		discard(resp)
		if got != want {
			t.Errorf("%s: GetConn(%q), want %q", base, got, want)
		}
	}
	if got := srv.Requests()[0].Method; got != "GET" {
		t.Errorf("no method was written down as %q", got)
	}
}

// A client that gives up gets the error of its context at that moment, and what
// the server does is up to the fault.
func TestServer_clientGivesUp(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		fault        trengotest.Fault
		latency      time.Duration
		acted, later bool
	}{
		{name: "Slow has acted", fault: trengotest.Slow(time.Minute), acted: true, later: true},
		{name: "Late acts later", fault: trengotest.Late(time.Minute), later: true},
		{name: "a request on its way arrives", latency: time.Minute, later: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := desk()
				srv.Behavior.Latency = tt.latency
				srv.Inject(tt.fault)
				a := newAPI(t, srv)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				start := time.Now()
				_, err := srv.RoundTrip(a.request(create.method, create.path, create.body).WithContext(ctx))
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 5*time.Second {
					t.Errorf("got %v after %v", err, time.Since(start))
				}
				if acted := len(srv.Contacts()) == 1; acted != tt.acted {
					t.Errorf("acted on by then: %v", acted)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if acted := len(srv.Contacts()) == 1; acted != tt.later {
					t.Errorf("acted on later: %v", acted)
				}
				if seen := srv.Requests()[0]; seen.Status != 0 {
					t.Errorf("written down with status %d", seen.Status)
				}
			})
		})
	}
}

func TestServer_clientTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := trengotest.New()
		srv.Inject(trengotest.Slow(time.Minute))
		a := newAPI(t, srv)
		a.client.Timeout = time.Second
		start := time.Now()
		_, err := a.try("GET", "/contacts", nil)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

func TestServer_RoundTrip_contextHasEnded(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	body := &closeRecorder{Reader: encode(t, "")}
	r := newAPI(t, srv).request("GET", "/contacts", nil).WithContext(ctx)
	r.Body = body
	if _, err := srv.RoundTrip(r); !errors.Is(err, gone) || !body.closed {
		t.Errorf("got %v, body closed: %v", err, body.closed)
	}
	if len(srv.Requests()) != 0 {
		t.Error("the request came all the same")
	}
}

func TestBehavior_Latency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := desk()
		srv.Behavior.Latency = 300 * time.Millisecond
		a := newAPI(t, srv)
		start := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			a.do(create.method, create.path, create.body)
		}()
		time.Sleep(149 * time.Millisecond)
		if len(srv.Contacts()) != 0 {
			t.Error("acted on before half of the time")
		}
		time.Sleep(2 * time.Millisecond)
		if len(srv.Contacts()) != 1 {
			t.Error("not acted on after half of the time")
		}
		<-done
		if took := time.Since(start); took != 300*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

// A body that fails while it is read ends the request, as with any transport.
func TestServer_RoundTrip_bodyFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	r := newAPI(t, trengotest.New()).request("POST", "/tickets", nil)
	r.Body = io.NopCloser(failingReader{broken})
	if _, err := trengotest.New().RoundTrip(r); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

func TestTruncated_withoutBody(t *testing.T) {
	t.Parallel()
	srv := desk()
	srv.AddContact(trengotest.Contact{Email: "ann@example.com"})
	srv.Inject(trengotest.Truncated())
	if got, err := newAPI(t, srv).try(http.MethodDelete, contactPath, nil); err != nil || got.status != 200 {
		t.Errorf("got %d, %v", got.status, err)
	}
}
