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

	"github.com/trengo-go/trengo/trengotest"
)

// The ids that a new Server gives first.
const (
	firstUser    = 3601
	firstChannel = 406_001
	firstContact = 460_000_001
	firstTicket  = 970_000_001
	firstMessage = 4_000_000_001

	contactPath = "/contacts/460000001"
)

// api is a client of a Server that knows nothing of Trengo.
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

// with returns a copy of a that sends another header; "" drops it.
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

// encode sends strings and forms as they are, everything else as JSON.
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

// try sends a request that may fail.
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

// at returns the value at a path such as "data.0.name" as text: "<nil>" for null,
// "missing" if it is not there.
func (r reply) at(path string) string {
	decoder := json.NewDecoder(bytes.NewReader(r.body))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return "no JSON"
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

// all returns the values of a field of the items of a list, in their order.
func (r reply) all(field string) []string {
	var values []string
	for i := 0; ; i++ {
		v := r.at(fmt.Sprintf("data.%d.%s", i, field))
		if v == "missing" || v == "no JSON" {
			return values
		}
		values = append(values, v)
	}
}

// keys returns the names of the fields of the object at a path.
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

// A step is one request and what its answer must hold.
type step struct {
	name   string
	method string
	path   string
	body   any
	status int               // 0: 200
	want   map[string]string // values by path
}

// run sends the steps one after the other: later ones see what earlier ones did.
func (a *api) run(t *testing.T, steps []step) {
	t.Helper()
	for _, st := range steps {
		got := a.do(st.method, st.path, st.body)
		want := st.status
		if want == 0 {
			want = http.StatusOK
		}
		if got.status != want {
			t.Errorf("%s: status %d, want %d: %s", st.name, got.status, want, got.body)
		}
		for path, value := range st.want {
			if v := got.at(path); v != value {
				t.Errorf("%s: %s is %s, want %s", st.name, path, v, value)
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
