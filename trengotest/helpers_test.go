package trengotest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

// newServer returns a Server with an email channel and an SMS channel.
func newServer() *trengotest.Server {
	srv := trengotest.New()
	srv.AddChannel(trengotest.Channel{Type: "EMAIL", Title: "Support"})
	srv.AddChannel(trengotest.Channel{Type: "SMS", Title: "Texts"})
	return srv
}

// create is a request whose effect a test can see: one contact.
var create = step{method: "POST", path: "/channels/406001/contacts", body: map[string]any{"identifier": "ann@example.com"}}

type closeRecorder struct {
	io.Reader
	closed bool
}

func (c *closeRecorder) Close() error {
	c.closed = true
	return nil
}

// The first IDs that a new Server assigns.
const (
	firstUser    = 3601
	firstChannel = 406_001
	firstContact = 460_000_001
	firstTicket  = 970_000_001
	firstMessage = 4_000_000_001

	contactPath = "/contacts/460000001"
)

// An api is an HTTP client of a Server.
type api struct {
	t      *testing.T
	client *http.Client
	base   string
	header http.Header
}

func newAPI(t *testing.T, srv *trengotest.Server) *api {
	t.Helper()
	return &api{t: t, client: srv.HTTPClient(), base: trengotest.BaseURL, header: http.Header{
		"Authorization": {"Bearer " + trengotest.Token},
		"Accept":        {"application/json"},
		"Content-Type":  {"application/json"},
	}}
}

// with returns a copy of a that sends the header, or omits it if value is "".
func (a *api) with(name, value string) *api {
	c := *a
	c.header = a.header.Clone()
	c.header.Set(name, value)
	if value == "" {
		c.header.Del(name)
	}
	return &c
}

func (a *api) request(method, path string, body any) *http.Request {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), method, a.base+path, encode(a.t, body))
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header = a.header.Clone()
	return r
}

// encode returns strings and forms unchanged, everything else as JSON.
func encode(t *testing.T, body any) io.Reader {
	t.Helper()
	switch b := body.(type) {
	case nil:
		return nil
	case string:
		return strings.NewReader(b)
	case url.Values:
		return strings.NewReader(b.Encode())
	}
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(data)
}

// try sends a request that may fail without a response.
func (a *api) try(method, path string, body any) (reply, error) {
	a.t.Helper()
	resp, err := a.client.Do(a.request(method, path, body))
	if err != nil {
		return reply{}, err
	}
	defer discard(resp)
	data, err := io.ReadAll(resp.Body)
	return reply{status: resp.StatusCode, header: resp.Header, body: data}, err
}

func (a *api) do(method, path string, body any) reply {
	a.t.Helper()
	r, err := a.try(method, path, body)
	if err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

// at returns the value at a path such as "data.0.name" as text: "<nil>" for null, and
// "missing" if it does not exist.
func (r reply) at(path string) string {
	decoder := json.NewDecoder(bytes.NewReader(r.body))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return "not JSON"
	}
	for key := range strings.SplitSeq(path, ".") {
		switch parent := v.(type) {
		case map[string]any:
			child, found := parent[key]
			if !found {
				return "missing"
			}
			v = child
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(parent) {
				return "missing"
			}
			v = parent[i]
		default:
			return "missing"
		}
	}
	return fmt.Sprint(v)
}

// all returns one field of each item of a list.
func (r reply) all(field string) []string {
	var values []string
	for i := 0; ; i++ {
		v := r.at(fmt.Sprintf("data.%d.%s", i, field))
		if v == "missing" || v == "not JSON" {
			return values
		}
		values = append(values, v)
	}
}

// keys returns the sorted names of the fields of the object at a path.
func (r reply) keys(t *testing.T, path string) []string {
	t.Helper()
	var v any
	if err := json.Unmarshal(r.body, &v); err != nil {
		t.Fatalf("%v in %s", err, r.body)
	}
	for key := range strings.SplitSeq(path, ".") {
		if key == "" {
			continue
		}
		if list, isList := v.([]any); isList {
			v = list[0]
			continue
		}
		v = v.(map[string]any)[key]
	}
	var names []string
	for name := range v.(map[string]any) {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// A step is one request and the response it must get.
type step struct {
	name   string
	method string
	path   string
	body   any
	status int               // zero means 200
	want   map[string]string // values by path
}

// run sends the requests of the steps in order.
func (a *api) run(t *testing.T, steps []step) {
	t.Helper()
	for _, st := range steps {
		got := a.do(st.method, st.path, st.body)
		want := st.status
		if want == 0 {
			want = http.StatusOK
		}
		if got.status != want {
			t.Errorf("%s: got status %d, want %d: %s", st.name, got.status, want, got.body)
		}
		for path, value := range st.want {
			if v := got.at(path); v != value {
				t.Errorf("%s: got %s %s, want %s", st.name, path, v, value)
			}
		}
	}
}

func fields(pairs ...any) map[string]any {
	m := make(map[string]any)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return m
}

func ticketPath(n int64) string { return fmt.Sprintf("/tickets/%d", firstTicket-1+n) }

func escapeBlanks(query string) string { return strings.ReplaceAll(query, " ", "%20") }

func discard(resp *http.Response) { _ = resp.Body.Close() }

var monday = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// newServerWithTicket returns a Server with a channel, a contact and a ticket.
func newServerWithTicket(channelType string) *trengotest.Server {
	srv := trengotest.New()
	channel := srv.AddChannel(trengotest.Channel{Type: channelType, Title: "Support"})
	contact := srv.AddContact(trengotest.Contact{Name: "Ann Example", Email: "ann@example.com"})
	srv.AddTicket(trengotest.Ticket{ContactID: contact.ID, ChannelID: channel.ID, UserID: firstUser, Subject: "Invoice"})
	return srv
}
