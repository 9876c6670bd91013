package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/trengo-go/trengo/internal/testkit"
)

// http2Call is a call to an HTTP2Server.
func http2Call(method string, repeatable bool) *Call {
	c := newCall(method, repeatable)
	c.URL = "http://127.0.0.1/tickets"
	return c
}

// What an HTTP2Server does with the first whole request. It responds to any other
// one.
var http2Faults = []struct {
	name string
	act  func(*testkit.HTTP2Stream)
	// unprocessed: the server says that it has not processed the request.
	unprocessed bool
}{
	{"PROTOCOL_ERROR", func(s *testkit.HTTP2Stream) { s.Reset(testkit.HTTP2ProtocolError) }, false},
	{"INTERNAL_ERROR", func(s *testkit.HTTP2Stream) { s.Reset(testkit.HTTP2InternalError) }, false},
	{"NO_ERROR", func(s *testkit.HTTP2Stream) { s.Reset(testkit.HTTP2NoError) }, false},
	{"STREAM_CLOSED", func(s *testkit.HTTP2Stream) { s.Reset(testkit.HTTP2StreamClosed) }, false},
	{"CANCEL", func(s *testkit.HTTP2Stream) { s.Reset(testkit.HTTP2Cancel) }, false},
	{"ENHANCE_YOUR_CALM", func(s *testkit.HTTP2Stream) { s.Reset(testkit.HTTP2EnhanceYourCalm) }, false},
	{"an unknown code", func(s *testkit.HTTP2Stream) { s.Reset(0xfee1dead) }, false},
	{"a closed connection", (*testkit.HTTP2Stream).Close, false},
	{"GOAWAY that includes the request, and a closed connection", func(s *testkit.HTTP2Stream) { s.GoAway(s.ID, testkit.HTTP2NoError); s.Close() }, false},
	{"GOAWAY with an error for the first request of a connection", func(s *testkit.HTTP2Stream) { s.GoAway(0, testkit.HTTP2InternalError) }, false},
	{"GOAWAY before the request", func(s *testkit.HTTP2Stream) { s.GoAway(0, testkit.HTTP2NoError) }, true},
	{"GOAWAY before the request, and a closed connection", func(s *testkit.HTTP2Stream) { s.GoAway(0, testkit.HTTP2NoError); s.Close() }, true},
	{"REFUSED_STREAM", func(s *testkit.HTTP2Stream) { s.Reset(testkit.HTTP2RefusedStream) }, true},
}

// failFirst returns a server that does act with its first request.
func failFirst(act func(*testkit.HTTP2Stream)) *testkit.HTTP2Server {
	return &testkit.HTTP2Server{Handle: func(s *testkit.HTTP2Stream) {
		if s.Number == 1 {
			act(s)
		} else {
			s.Respond(http.StatusOK, "{}")
		}
	}}
}

// net/http sends a request again by itself if the server resets its stream in
// some ways, even with PROTOCOL_ERROR, which servers also send after they have
// processed it.
func TestHTTP2_notRepeatableIsSentOnce(t *testing.T) {
	for _, tt := range http2Faults {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := failFirst(tt.act)
				transport := server.Transport(t)
				e := newEngine(transport)
				_, err := e.Do(t.Context(), http2Call(http.MethodPost, false))
				f := failureOf(t, err)
				if tt.unprocessed {
					if f != nil || server.Requests() != 2 {
						t.Errorf("%d requests and %+v, want a response to the second", server.Requests(), f)
					}
				} else if f == nil || !f.OutcomeUnknown || f.Attempts != 1 || server.Headers() != 1 {
					t.Errorf("%d requests and %+v, want one with an unknown outcome", server.Headers(), f)
				}
				if free := e.limiter.slots.free(); free != 119 {
					t.Errorf("%d slots are free, want 119", free)
				}
			})
		})
	}
}

// Without a body there is nothing that could not be rewound, and net/http does not
// say why it sends a request again.
func TestHTTP2_notRepeatableWithoutBodyIsSentOnce(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodPatch} {
		for _, tt := range http2Faults {
			t.Run(method+" "+tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server := failFirst(tt.act)
					transport := server.Transport(t)
					e := newEngine(transport)
					in := http2Call(method, false)
					in.Body = nil
					_, err := e.Do(t.Context(), in)
					if f := failureOf(t, err); f == nil || !f.OutcomeUnknown || f.Attempts != 1 || server.Headers() != 1 {
						t.Errorf("%d requests and %+v, want one with an unknown outcome", server.Headers(), f)
					}
					if free := e.limiter.slots.free(); free != 119 {
						t.Errorf("%d slots are free, want 119", free)
					}
				})
			})
		}
	}
}

func TestHTTP2_repeatableIsRepeated(t *testing.T) {
	for _, tt := range http2Faults {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPost} {
			t.Run(method+" "+tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server := failFirst(tt.act)
					transport := server.Transport(t)
					_, err := newEngine(transport).Do(t.Context(), http2Call(method, true))
					if f := failureOf(t, err); f != nil || server.Requests() != 2 {
						t.Errorf("%d requests and %+v, want a response to the second", server.Requests(), f)
					}
				})
			})
		}
	}
}

// The connection of a later request was used before, and its streams have other
// numbers.
func TestHTTP2_keptConnectionSendsANotRepeatableCallOnce(t *testing.T) {
	for _, tt := range http2Faults {
		if strings.Contains(tt.name, "first request of a connection") {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &testkit.HTTP2Server{Handle: func(s *testkit.HTTP2Stream) {
					if s.Number == 2 {
						tt.act(s)
					} else {
						s.Respond(http.StatusOK, "{}")
					}
				}}
				transport := server.Transport(t)
				e := newEngine(transport)
				if _, err := e.Do(t.Context(), http2Call(http.MethodPost, false)); err != nil {
					t.Fatal(failureOf(t, err))
				}
				_, err := e.Do(t.Context(), http2Call(http.MethodPost, false))
				f := failureOf(t, err)
				if tt.unprocessed {
					if f != nil || server.Requests() != 3 {
						t.Errorf("%d requests and %+v, want a response to the third", server.Requests(), f)
					}
				} else if f == nil || !f.OutcomeUnknown || server.Headers() != 2 {
					t.Errorf("%d requests and %+v, want two and an unknown outcome", server.Headers(), f)
				}
			})
		})
	}
}

// A server that always refuses gets no more than the attempts of the engine.
func TestHTTP2_alwaysRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &testkit.HTTP2Server{Handle: func(s *testkit.HTTP2Stream) { s.Reset(testkit.HTTP2RefusedStream) }}
		transport := server.Transport(t)
		_, err := newEngine(transport).Do(t.Context(), http2Call(http.MethodPost, false))
		if f := failureOf(t, err); f == nil || f.OutcomeUnknown || f.Attempts != 5 || server.Requests() != 5 {
			t.Errorf("%d requests and %+v, want 5 with a known outcome", server.Requests(), f)
		}
	})
}

// The same over TLS, where the protocol is negotiated.
func TestHTTP2_overTLS(t *testing.T) {
	t.Parallel()
	certified := httptest.NewTLSServer(nil)
	certified.Close()
	server := failFirst(func(s *testkit.HTTP2Stream) { s.Reset(testkit.HTTP2ProtocolError) })
	defer server.Close()
	transport := certified.Client().Transport.(*http.Transport).Clone()
	transport.ForceAttemptHTTP2 = true
	transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		server.Serve(tls.Server(there, &tls.Config{Certificates: certified.TLS.Certificates, NextProtos: []string{"h2"}}))
		return here, nil
	}
	in := newCall(http.MethodPost, false)
	in.URL = "https://example.com/tickets"
	_, err := newEngine(transport).Do(t.Context(), in)
	if f := failureOf(t, err); f == nil || !f.OutcomeUnknown || server.Headers() != 1 {
		t.Errorf("%d requests and %+v, want one with an unknown outcome", server.Headers(), f)
	}
}

// What net/http says of requests that it does not send again. If it says
// something else in a later version of Go, wasNotProcessed has to follow.
func TestHTTP2_whatNetHTTPSays(t *testing.T) {
	texts := map[string]string{
		"GOAWAY before the request": "http2: Transport: cannot retry err [http2: Transport received Server's graceful shutdown GOAWAY] after Request.Body was written; define Request.GetBody to avoid this error",
		"REFUSED_STREAM":            "http2: Transport: cannot retry err [stream error: stream ID 1; REFUSED_STREAM; received from peer] after Request.Body was written; define Request.GetBody to avoid this error",
		"PROTOCOL_ERROR":            "http2: Transport: cannot retry err [stream error: stream ID 1; PROTOCOL_ERROR; received from peer] after Request.Body was written; define Request.GetBody to avoid this error",
	}
	for _, tt := range http2Faults {
		synctest.Test(t, func(t *testing.T) {
			server := failFirst(tt.act)
			transport := server.Transport(t)
			req, err := http.NewRequest(http.MethodPost, "http://127.0.0.1/", io.NopCloser(strings.NewReader("{}")))
			if err != nil {
				t.Fatal(err)
			}
			_, err = transport.RoundTrip(req)
			if err == nil {
				t.Fatalf("%s: a response", tt.name)
			}
			if want, ok := texts[tt.name]; ok && err.Error() != want {
				t.Errorf("%s: net/http says\n%s\nwant\n%s", tt.name, err, want)
			}
			if got := wasNotProcessed(err); got != tt.unprocessed {
				t.Errorf("%s: wasNotProcessed is %t of %v", tt.name, got, err)
			}
		})
	}
}

// Texts that only resemble what net/http says.
func TestWasNotProcessed_otherTexts(t *testing.T) {
	t.Parallel()
	const before, after = "http2: Transport: cannot retry err [", "] after Request.Body was written; define Request.GetBody to avoid this error"
	for _, text := range []string{
		"",
		"stream error: stream ID 1; REFUSED_STREAM; received from peer",
		"http2: Transport received Server's graceful shutdown GOAWAY",
		before + after,
		before + "stream error: stream ID 1; PROTOCOL_ERROR; received from peer" + after,
		before + "http2: server sent GOAWAY and closed the connection; LastStreamID=0, ErrCode=NO_ERROR, debug=\"; REFUSED_STREAM; received from peer\"" + after,
		"proxy: " + before + "stream error: stream ID 1; REFUSED_STREAM; received from peer" + after,
	} {
		if wasNotProcessed(errors.New(text)) {
			t.Errorf("%q counts as not processed", text)
		}
	}
	refused := errors.New(before + "stream error: stream ID 17; REFUSED_STREAM; received from peer" + after)
	if !wasNotProcessed(refused) {
		t.Errorf("%q does not count as not processed", refused)
	}
	// A transport around net/http's may have sent the request more than once.
	if wasNotProcessed(fmt.Errorf("second try: %w", refused)) {
		t.Error("a wrapped error counts as not processed")
	}
}

// A server can end a stream before it has read the body.
func TestHTTP2_endedBeforeTheBody(t *testing.T) {
	for _, tt := range http2Faults {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &testkit.HTTP2Server{
					HandleEarly: func(s *testkit.HTTP2Stream) {
						if s.Number == 1 {
							tt.act(s)
						}
					},
					Handle: func(s *testkit.HTTP2Stream) { s.Respond(http.StatusOK, "{}") },
				}
				in := http2Call(http.MethodPost, false)
				in.Body = make([]byte, 1<<20) // more than the server asks for
				_, err := newEngine(server.Transport(t)).Do(t.Context(), in)
				if tt.unprocessed {
					// The server never asks for the rest of the second one's body.
					if server.Headers() < 2 {
						t.Errorf("%d requests and %+v, want another one", server.Headers(), failureOf(t, err))
					}
				} else if f := failureOf(t, err); f == nil || !f.OutcomeUnknown || server.Headers() != 1 {
					t.Errorf("%d requests and %+v, want one with an unknown outcome", server.Headers(), f)
				}
			})
		})
	}
}

// Of many requests on a connection that the server gives up, those that it has not
// processed are sent again, and no other.
func TestHTTP2_manyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const calls = 40
		var mu sync.Mutex
		acted := 0
		var last uint32 // of the streams that the server processes
		server := &testkit.HTTP2Server{Handle: func(s *testkit.HTTP2Stream) {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case s.Connection > 1:
				acted++
				s.Respond(http.StatusOK, "{}")
			case s.Number <= calls/2:
				acted++
				last = max(last, s.ID)
				s.Respond(http.StatusOK, "{}")
			case s.Number == calls/2+1:
				s.GoAway(last, testkit.HTTP2NoError)
			}
		}}
		e := newEngine(server.Transport(t))
		if _, err := e.Do(t.Context(), http2Call(http.MethodPost, false)); err != nil {
			t.Fatal(failureOf(t, err)) // opens the connection
		}
		var done, unknown atomic.Int32
		var all sync.WaitGroup
		for range calls {
			all.Go(func() {
				_, err := e.Do(t.Context(), http2Call(http.MethodPost, false))
				switch f := failureOf(t, err); {
				case f == nil:
					done.Add(1)
				case f.OutcomeUnknown:
					unknown.Add(1)
				default:
					t.Errorf("%+v", f)
				}
			})
		}
		all.Wait()
		// Requests that overtook others are among those that it says it processes.
		if int(done.Load())+1 != acted || done.Load()+unknown.Load() != calls || done.Load() <= calls/2 {
			t.Errorf("the server acted %d times, %d of %d calls succeeded, and %d have an unknown outcome",
				acted-1, done.Load(), calls, unknown.Load())
		}
		if server.Connections() < 2 {
			t.Error("one connection was enough")
		}
	})
}
