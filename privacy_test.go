package trengo_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

const secretToken = "s3cret-t0ken"

// markers betray the token, the e-mail, the phone or the name that are in
// every request and every answer of this test.
var markers = []string{"s3cret", "zoe", "quill", "31600000001", "600000001"}

func betrayed(text string) string {
	text = strings.ToLower(text)
	for _, marker := range markers {
		if strings.Contains(text, marker) {
			return marker
		}
	}
	return ""
}

// A witness keeps everything that a client says of its calls.
type witness struct {
	logged   strings.Builder
	attempts []trengo.Attempt
	errs     []error
}

func (w *witness) options() []trengo.Option {
	handler := slog.NewJSONHandler(&w.logged, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true})
	return []trengo.Option{
		trengo.WithLogger(slog.New(handler)),
		trengo.WithObserver(func(a trengo.Attempt) { w.attempts = append(w.attempts, a) }),
	}
}

// said is all of it as text. An error is printed in every way in which errors
// end up in logs.
func (w *witness) said() []string {
	all := strings.Split(w.logged.String(), "\n")
	for _, a := range w.attempts {
		all = append(all, fmt.Sprintf("%#v", a))
	}
	var logs strings.Builder
	logger := slog.New(slog.NewTextHandler(&logs, nil))
	for _, err := range w.errs {
		logger.Error("call failed", "err", err)
		all = append(all, err.Error(), fmt.Sprintf("%v", err), fmt.Sprintf("%+v", err), fmt.Sprintf("%q", err))
		all = append(all, fmt.Errorf("import: %w", err).Error(), errors.Join(err, err).Error())
	}
	return append(all, logs.String())
}

// A trouble makes every call end with an error.
type trouble struct {
	name string
	rt   http.RoundTripper
	opts []trengo.Option
	ctx  func(context.Context) (context.Context, context.CancelFunc)
}

// echo is what an unfriendly server says: all that it was told.
const echo = `"message":"zoe.quill@example.com (Zoe Quill, +31600000001) with s3cret-t0ken is taken",
	"errors":{"zoe.quill@example.com":["Zoe Quill"],"Zoe Quill":"+31600000001","+31600000001":{"s3cret-t0ken":1},"name":["Zoe Quill"]}`

func troubles() []trouble {
	var all []trouble
	answer := func(name string, status int, body string, header ...string) {
		all = append(all, trouble{name: name, rt: respond(status, body, header...)})
	}
	for _, status := range []int{300, 302, 307, 400, 401, 403, 404, 405, 408, 409, 418, 422, 429, 500, 501, 502, 503, 504, 599} {
		name := strconv.Itoa(status)
		answer(name+" that echoes", status, "{"+echo+"}", "Content-Type", "application/json")
		answer(name+" with a page that echoes", status, "<h1>Zoe Quill</h1>", "Content-Type", "text/html; title=\"Zoe Quill\"")
		answer(name+" with headers that echo", status, "", "Content-Type", "zoe.quill@example.com",
			"Location", "https://zoe:quill@example.com/%zz", "Retry-After", "31600000001", "X-Ratelimit-Limit", "zoe", "X-Ratelimit-Reset", "31600000001")
	}
	for _, body := range []string{
		`{` + echo, `{"id":"zoe.quill@example.com",` + echo + `}`, `{"id":31600000001.5,"data":[31600000001]}`, `{"data":"Zoe Quill"}`,
		`"Zoe Quill"`, `Zoe Quill`, `<h1>Zoe Quill</h1>`, ``,
	} {
		for _, media := range []string{"application/json", "text/html", "zoe.quill@example.com", "application/x-zoe-quill-31600000001", "text/html; x=\"Zoe\"", "zoe/", "zoe", "+31600000001", "text/s3cret-t0ken"} {
			answer("200 as "+media+": "+body, 200, body, "Content-Type", media)
		}
	}
	for name, err := range map[string]error{
		"an error of the transport":     errors.New("zoe.quill@example.com"),
		"an error with its URL":         &url.Error{Op: "Get", URL: "https://app.trengo.com?term=zoe", Err: errors.New("Zoe Quill")},
		"an error around the end":       fmt.Errorf("sent Zoe Quill and s3cret-t0ken: %w", io.ErrUnexpectedEOF),
		"an unknown host":               &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "zoe.quill.example.com", Server: "31600000001"}},
		"a broken connection":           &net.OpError{Op: "write", Net: "zoe", Addr: &net.UnixAddr{Name: "/home/quill"}, Err: os.NewSyscallError("zoe", syscall.EPIPE)},
		"an address that cannot be":     &net.OpError{Op: "dial", Net: "tcp", Err: &net.AddrError{Err: "missing port", Addr: "zoe.quill@example.com"}},
		"a certificate of another host": &tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{"quill"}}, Host: "zoe.example.com"}},
		"a timeout of the transport":    &net.OpError{Op: "read", Net: "quill", Err: os.ErrDeadlineExceeded},
	} {
		all = append(all, trouble{name: name, rt: roundTripper(func(*http.Request) (*http.Response, error) { return nil, err })})
	}
	for _, fault := range []trengotest.Fault{
		trengotest.NoConnection(), trengotest.LostBefore(), trengotest.LostAfter(), trengotest.Truncated(),
		trengotest.Slow(time.Hour), trengotest.Late(time.Hour), trengotest.TooManyRequests("20"), trengotest.TooManyRequests(""),
	} {
		srv := trengotest.New()
		srv.SetTokens(secretToken)
		srv.InjectFunc(func(trengotest.Request) trengotest.Fault { return fault })
		all = append(all, trouble{name: fault.String(), rt: srv})
	}
	source := func(token string, err error) []trengo.Option {
		return []trengo.Option{trengo.WithTokenSource(func(context.Context) (string, error) { return token, err })}
	}
	nothing := respond(http.StatusOK, "")
	return append(
		all,
		trouble{name: "a token source that fails", rt: nothing, opts: source("", errors.New("s3cret-t0ken of Zoe Quill has expired"))},
		trouble{name: "a token source with a bad token", rt: nothing, opts: source("s3cret-t0ken\n", nil)},
		trouble{name: "a caller who gives up with a reason", rt: trengotest.New(), ctx: func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			cancel(errors.New("Zoe Quill hung up"))
			return ctx, func() { cancel(nil) }
		}},
		trouble{name: "no room in time", rt: nothing, opts: []trengo.Option{trengo.WithRateLimit(1), trengo.WithMaxWait(time.Second)}},
	)
}

func TestPrivacy_services(t *testing.T) {
	troubles, errs, told := troubles(), 0, 0
	for _, m := range methods {
		t.Run(m.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, trouble := range troubles {
					w := new(witness)
					rt := teller{trouble.rt, &told}
					opts := append(append(w.options(), trengo.WithHTTPClient(&http.Client{Transport: rt})), trouble.opts...)
					client, err := trengo.NewClient(secretToken, opts...)
					if err != nil {
						t.Fatal(err)
					}
					ctx, cancel := t.Context(), context.CancelFunc(func() {})
					if trouble.ctx != nil {
						ctx, cancel = trouble.ctx(ctx)
					}
					for range 2 {
						if _, err := m.call(ctx, client); err != nil {
							w.errs = append(w.errs, err)
						}
					}
					cancel()
					errs += len(w.errs)
					for _, text := range w.said() {
						if marker := betrayed(text); marker != "" {
							t.Errorf("%s: %q is in: %s", trouble.name, marker, text)
						}
					}
				}
			})
		})
	}
	// Otherwise there was nothing to betray.
	if calls := 2 * len(methods) * len(troubles); errs < calls*3/4 || told < errs/2 {
		t.Errorf("%d of %d calls failed, and %d requests held a marker", errs, calls, told)
	}
}

// A teller counts the requests that hold a marker.
type teller struct {
	http.RoundTripper
	told *int
}

func (c teller) RoundTrip(r *http.Request) (*http.Response, error) {
	if betrayed(r.Header.Get("Authorization")) != "" {
		*c.told++
	}
	return c.RoundTripper.RoundTrip(r)
}

type personal struct{}

func (personal) MarshalJSON() ([]byte, error) { return nil, errors.New("Zoe Quill") }

func (*personal) UnmarshalJSON(data []byte) error { return fmt.Errorf("cannot read %s", data) }

func TestPrivacy_Do(t *testing.T) {
	contact := trengo.Request{
		Method: http.MethodPost, Path: "/contacts/zoe.quill@example.com/notes/+31600000001/Zoe Quill",
		Query: url.Values{"term": {"zoe.quill@example.com"}}, Body: map[string]string{"name": "Zoe Quill"},
	}
	unencodable := contact
	unencodable.Body = personal{}
	named := contact
	named.Method = "Zoe"
	relative := contact
	relative.Path = "zoe.quill@example.com"
	dotted := contact
	dotted.Path += "/.."
	for name, call := range map[string]struct {
		in   trengo.Request
		out  any
		body string
	}{
		"a refused request":              {contact, nil, ""},
		"a body that cannot be encoded":  {unencodable, nil, ""},
		"a method that is a name":        {named, nil, ""},
		"a path without a slash":         {relative, nil, ""},
		"a path that leaves its place":   {dotted, nil, ""},
		"an answer that nobody can read": {contact, new(personal), `{"name":"Zoe Quill"}`},
		"an answer of another type":      {contact, new([]int), `{"name":"Zoe Quill"}`},
		"a number that is too large":     {contact, new(struct{ ID int8 }), `{"id":31600000001}`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := new(witness)
				status := http.StatusOK
				if call.body == "" {
					status = http.StatusBadRequest
				}
				err := newClientOn(t, respond(status, call.body), w.options()...).Do(t.Context(), call.in, call.out)
				if err == nil {
					t.Fatal("no error")
				}
				w.errs = append(w.errs, err)
				for _, text := range w.said() {
					if marker := betrayed(text); marker != "" {
						t.Errorf("%q is in: %s", marker, text)
					}
				}
			})
		})
	}
}
