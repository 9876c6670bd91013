package trengo_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
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
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
)

// skippable is an event that costs nothing.
const skippable = `{"type":"page"}`

func zip(body string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, body)
	w.Close()
	return b.String()
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
		signed    = signature("signed", skippable)
	)
	for name, c := range map[string]struct {
		cfg    trengo.HandlerConfig
		header []string // names and values in turn
		body   string
		want   int
	}{
		"the new secret":                             {bySecret, []string{"Authorization", "Bearer new"}, skippable, 200},
		"the old secret":                             {bySecret, []string{"Authorization", "Bearer old"}, skippable, 200},
		"the header in lower case":                   {bySecret, []string{"authorization", "Bearer old"}, skippable, 200},
		"no secret":                                  {bySecret, nil, skippable, 401},
		"an empty secret":                            {bySecret, []string{"Authorization", ""}, skippable, 401},
		"the secret without its scheme":              {bySecret, []string{"Authorization", "new"}, skippable, 401},
		"the secret in other case":                   {bySecret, []string{"Authorization", "bearer new"}, skippable, 401},
		"the beginning of a secret":                  {bySecret, []string{"Authorization", "Bearer ne"}, skippable, 401},
		"more than a secret":                         {bySecret, []string{"Authorization", "Bearer newer"}, skippable, 401},
		"both secrets":                               {bySecret, []string{"Authorization", "Bearer new, Bearer old"}, skippable, 401},
		"a header of one's own":                      {byOther, []string{"X-Events-Secret", "s3cret"}, skippable, 200},
		"the secret in the wrong header":             {byOther, []string{"Authorization", "s3cret"}, skippable, 401},
		"a signature":                                {bySegment, []string{"X-Signature", signed}, skippable, 200},
		"a signature in capitals":                    {bySegment, []string{"X-Signature", strings.ToUpper(signed)}, skippable, 200},
		"no signature":                               {bySegment, nil, skippable, 401},
		"a signature of another body":                {bySegment, []string{"X-Signature", signed}, skippable + " ", 401},
		"a signature with another secret":            {bySegment, []string{"X-Signature", signature("other", skippable)}, skippable, 401},
		"the signature of the first event alone":     {bySegment, []string{"X-Signature", signed}, "[" + skippable + "]", 401},
		"a signature that is none":                   {bySegment, []string{"X-Signature", "signed"}, skippable, 401},
		"a part of a signature":                      {bySegment, []string{"X-Signature", signed[:8]}, skippable, 401},
		"an unsigned body behind a secret":           {byEither, []string{"Authorization", "s3cret"}, skippable, 200},
		"a signed body without a secret":             {byEither, []string{"X-Signature", signed}, skippable, 200},
		"a wrong signature beside the right secret":  {byEither, []string{"Authorization", "s3cret", "X-Signature", "00"}, skippable, 200},
		"a right signature beside a wrong secret":    {byEither, []string{"Authorization", "wrong", "X-Signature", signed}, skippable, 200},
		"neither of them":                            {byEither, nil, skippable, 401},
		"a signature where none is asked for":        {bySecret, []string{"X-Signature", signature("", skippable)}, skippable, 401},
		"a signature of what is compressed":          {bySegment, []string{"X-Signature", signed, "Content-Encoding", "gzip"}, zip(skippable), 200},
		"a signature of the compressed bytes":        {bySegment, []string{"X-Signature", signature("signed", zip(skippable)), "Content-Encoding", "gzip"}, zip(skippable), 401},
		"anybody, where everybody may":               {anybody, nil, skippable, 200},
		"anybody with a secret, where everybody may": {anybody, []string{"Authorization", "x", "X-Signature", "x"}, skippable, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWebhook(t, c.cfg)
			r := delivery(t.Context(), c.body)
			for i := 0; i < len(c.header); i += 2 {
				r.Header.Set(c.header[i], c.header[i+1])
			}
			if _, got := serve(t, w.handler, r); got.Status != c.want {
				t.Errorf("answer %+v, want status %d", got, c.want)
			}
			if told := len(w.told) == 1; told != (c.want == 200) {
				t.Errorf("outcomes %+v", w.told)
			}
		})
	}
}

// A stranger's body is not read: it may be long, or never end.
func TestHandler_readsNothingOfAStranger(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]trengo.HandlerConfig{
		"without a secret":    {Secrets: []string{"s3cret"}},
		"without a signature": {SigningSecret: "s3cret"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", unreadable{t})
			if _, got := serve(t, newWebhook(t, cfg).handler, r); got.Status != 401 {
				t.Errorf("answer %+v", got)
			}
		})
	}
}

// unreadable must not be read.
type unreadable struct{ t *testing.T }

func (r unreadable) Read([]byte) (int, error) {
	r.t.Error("the body was read")
	return 0, io.EOF
}

func TestHandler_whatItReads(t *testing.T) {
	t.Parallel()
	const limit = 200
	long := `{"type":"page","messageId":"` + strings.Repeat("0", limit) + `"}`
	header := func(nameAndValue ...string) []string { return nameAndValue }
	cases := []struct {
		name, method string
		header       []string
		body         string
		want         reply
	}{
		{"JSON", "POST", nil, skippable, reply{Status: 200, Action: "skipped", Reason: "neither identify nor track"}},
		{"JSON with a charset", "POST", header("Content-Type", "application/json; charset=utf-8"), skippable, reply{Status: 200, Action: "skipped", Reason: "neither identify nor track"}},
		{"a kind of JSON", "POST", header("Content-Type", "application/cloudevents+json"), skippable, reply{Status: 200, Action: "skipped", Reason: "neither identify nor track"}},
		{"gzipped JSON", "POST", header("Content-Encoding", "gzip"), zip(skippable), reply{Status: 200, Action: "skipped", Reason: "neither identify nor track"}},
		{"gzipped JSON by its old name", "POST", header("Content-Encoding", "x-gzip"), zip(skippable), reply{Status: 200, Action: "skipped", Reason: "neither identify nor track"}},
		{"gzipped JSON in capitals", "POST", header("Content-Encoding", "GZIP"), zip(skippable), reply{Status: 200, Action: "skipped", Reason: "neither identify nor track"}},
		{"JSON as it is", "POST", header("Content-Encoding", "identity"), skippable, reply{Status: 200, Action: "skipped", Reason: "neither identify nor track"}},
		{"a GET", "GET", nil, "", reply{Status: 405, Error: "events are taken by POST"}},
		{"a PUT", "PUT", nil, skippable, reply{Status: 405, Error: "events are taken by POST"}},
		{"a form", "POST", header("Content-Type", "application/x-www-form-urlencoded"), skippable, reply{Status: 415, Error: "the Content-Type is not application/json"}},
		{"no content type", "POST", header("Content-Type", ""), skippable, reply{Status: 415, Error: "the Content-Type is not application/json"}},
		{"a broken content type", "POST", header("Content-Type", "application/json; ="), skippable, reply{Status: 415, Error: "the Content-Type is not application/json"}},
		{"another encoding", "POST", header("Content-Encoding", "br"), skippable, reply{Status: 415, Error: "the Content-Encoding is not gzip"}},
		{"two encodings", "POST", header("Content-Encoding", "gzip, gzip"), zip(zip(skippable)), reply{Status: 415, Error: "the Content-Encoding is not gzip"}},
		{"too long", "POST", nil, long, reply{Status: 413, Error: "the body is longer than 200 bytes"}},
		{"long blanks", "POST", nil, skippable + strings.Repeat(" ", limit), reply{Status: 413, Error: "the body is longer than 200 bytes"}},
		{"too long when decompressed", "POST", header("Content-Encoding", "gzip"), zip(long), reply{Status: 413, Error: "the body is longer than 200 bytes"}},
		{"as long as it may be", "POST", nil, skippable + strings.Repeat(" ", limit-len(skippable)), reply{Status: 200, Action: "skipped", Reason: "neither identify nor track"}},
		{"JSON that says it is gzipped", "POST", header("Content-Encoding", "gzip"), skippable, reply{Status: 400, Error: "the body was cut off, or is not encoded as its header says"}},
		{"gzip that was cut off", "POST", header("Content-Encoding", "gzip"), zip(skippable)[:20], reply{Status: 400, Error: "the body was cut off, or is not encoded as its header says"}},
		{"gzip with a wrong checksum", "POST", header("Content-Encoding", "gzip"), zip(skippable)[:len(zip(skippable))-8] + "01234567", reply{Status: 400, Error: "the body was cut off, or is not encoded as its header says"}},
		{"nothing", "POST", nil, "", reply{Status: 400, Error: "trengo: invalid event: it is no JSON object"}},
		{"nothing, gzipped", "POST", header("Content-Encoding", "gzip"), "", reply{Status: 400, Error: "the body was cut off, or is not encoded as its header says"}},
		{"broken JSON", "POST", nil, `{"type":`, reply{Status: 400, Error: "trengo: invalid event: it is broken JSON"}},
		{"a broken array", "POST", nil, "[" + skippable, reply{Status: 400, Error: "trengo: invalid event: it is no JSON object"}},
		{"text", "POST", nil, "ann@example.com", reply{Status: 400, Error: "trengo: invalid event: it is no JSON object"}},
		{"two events", "POST", nil, skippable + skippable, reply{Status: 400, Error: "trengo: invalid event: something follows the JSON object"}},
		{"an array", "POST", nil, "\n[" + skippable + "," + skippable + "]", reply{Status: 200, Events: []reply{
			{Status: 200, Action: "skipped", Reason: "neither identify nor track"},
			{Status: 200, Action: "skipped", Reason: "neither identify nor track"},
		}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			handler := newHandler(t, newDesk(t).destination, trengo.HandlerConfig{AllowUnauthenticated: true, MaxBodyBytes: limit})
			r := delivery(t.Context(), c.body)
			r.Method = c.method
			for i := 0; i < len(c.header); i += 2 {
				r.Header.Set(c.header[i], c.header[i+1])
			}
			answer, got := serve(t, handler, r)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			if allow := answer.Get("Allow"); (allow == "POST") != (c.want.Status == 405) {
				t.Errorf("Allow is %q", allow)
			}
			if accept := answer.Get("Accept-Encoding"); (accept == "gzip") != strings.Contains(c.want.Error, "Content-Encoding") {
				t.Errorf("Accept-Encoding is %q", accept)
			}
		})
	}
}

// Without MaxBody a body may have 4 MB.
func TestHandler_maxBodyByDefault(t *testing.T) {
	t.Parallel()
	handler := newWebhook(t, anybody).handler
	for blanks, want := range map[int]int{4<<20 - len(skippable): 200, 4<<20 - len(skippable) + 1: 413} {
		if _, got := serve(t, handler, delivery(t.Context(), skippable+strings.Repeat(" ", blanks))); got.Status != want {
			t.Errorf("%d blanks: answer %+v, want status %d", blanks, got, want)
		}
	}
}

// A body that dawdles is read for no longer than the budget lasts; the event
// in it has what is left, and is not taken for one whose sender has gone.
func TestHandler_bodyThatDawdles(t *testing.T) {
	t.Parallel()
	const begun = `{"type":`
	for name, c := range map[string]struct {
		rest string // comes after two seconds
		want reply
		took time.Duration
	}{
		"and never ends":     {"", reply{Status: 408, Error: "the body did not come in time"}, budget},
		"and ends":           {`"page"}`, reply{Status: 200, Action: "skipped", Reason: "neither identify nor track"}, 2 * time.Second},
		"and the event does": {`"identify","traits":{"email":"ann@example.com"}}`, reply{Status: 503, Error: "trengo: GET /contacts: timeout"}, budget},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWebhook(t, anybody)
				w.Behavior.Latency = time.Minute
				conn, stop := dial(t, w.handler)
				defer stop()
				began := time.Now()
				length := max(len(begun)+len(c.rest), len(begun)+1)
				io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "+strconv.Itoa(length)+"\r\n\r\n"+begun)
				time.AfterFunc(2*time.Second, func() { io.WriteString(conn, c.rest) })
				wantAnswer(t, conn, c.want)
				if took := time.Since(began); took != c.took {
					t.Errorf("answered after %s, want %s", took, c.took)
				}
			})
		})
	}
}

// A stranger's body is not waited for any longer, either.
func TestHandler_strangerThatDawdles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn, stop := dial(t, newWebhook(t, trengo.HandlerConfig{Secrets: []string{"s3cret"}}).handler)
		defer stop()
		began := time.Now()
		io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
		wantAnswer(t, conn, reply{Status: 401, Error: "the secret or the signature is missing or wrong"})
		if took := time.Since(began); took > budget {
			t.Errorf("answered after %s", took)
		}
	})
}

// The deadline stays for as long as the server may read, and not while an event
// is worked on: there it would look as if the sender had gone.
func TestHandler_readDeadline(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg  trengo.HandlerConfig
		body string
		want []time.Duration
	}{
		"of an event":            {anybody, skippable, []time.Duration{budget, 0}},
		"of a stranger":          {trengo.HandlerConfig{Secrets: []string{"s3cret"}}, skippable, []time.Duration{budget}},
		"of a body that is long": {trengo.HandlerConfig{AllowUnauthenticated: true, MaxBodyBytes: 1, Timeout: time.Second}, skippable, []time.Duration{time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &connected{ResponseRecorder: httptest.NewRecorder()}
				newWebhook(t, c.cfg).handler.ServeHTTP(w, delivery(t.Context(), c.body))
				if diff := cmp.Diff(c.want, w.deadlines); diff != "" {
					t.Errorf("deadlines (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// connected is a ResponseWriter that has a connection.
type connected struct {
	*httptest.ResponseRecorder
	deadlines []time.Duration // from then; 0: none
}

func (c *connected) SetReadDeadline(t time.Time) error {
	d := time.Duration(0)
	if !t.IsZero() {
		d = time.Until(t)
	}
	c.deadlines = append(c.deadlines, d)
	return nil
}

func wantAnswer(t *testing.T, conn io.Reader, want reply) {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got reply
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" || resp.StatusCode != want.Status {
		t.Errorf("status %d, answer (-want +got):\n%s", resp.StatusCode, diff)
	}
}

// dial connects to a server of its own, within a bubble of synctest.
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

// pipes is a net.Listener without sockets.
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
