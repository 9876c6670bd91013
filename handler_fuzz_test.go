package trengo_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// How a body is sent.
const (
	asItIs = iota
	gzipped
	calledGzip // without being it
)

// documented are the statuses that NewHandler names, but for those of a panic,
// of another method and of a sender who dawdles.
var documented = []int{
	http.StatusOK, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType,
	http.StatusTooManyRequests, http.StatusServiceUnavailable,
}

func FuzzHandler(f *testing.F) {
	const ann = `{"type":"identify","messageId":"1","traits":{"email":"ann@example.com","name":"Ann"}}`
	const annsBuys = `{"type":"track","event":"Ev","properties":{"email":"ann@example.com"}}`
	for _, seed := range []string{
		ann, annsBuys, "[" + ann + "," + annsBuys + "," + ann + "]", "[]", " \r\n[ ]", "[null,5,[],{}]", "[" + ann, "[" + ann + "]x",
		`{"type":"page"}`, "", "null", "{", `{"type":"identify","traits":{"phone":"+31600000001"}}`,
		`[{"type":"track","event":"Ev","context":{"externalId":{"type":"trengoContactId","id":5}}},` + ann + `]`,
	} {
		for _, way := range []byte{asItIs, gzipped, calledGzip} {
			f.Add([]byte(seed), way, "application/json")
		}
	}
	f.Add([]byte(ann), byte(asItIs), "application/vnd.x+json; charset=utf-8")
	f.Add([]byte(ann), byte(asItIs), "text/plain")
	f.Add([]byte(ann), byte(asItIs), "application/json;")
	f.Fuzz(func(t *testing.T, body []byte, way byte, contentType string) {
		srv := trengotest.New()
		srv.SetRateLimit(1_000_000) // nobody waits
		srv.AddChannel(trengotest.Channel{ID: 405980, Type: "EMAIL"})
		destination, err := trengo.NewDestination(newClient(t, srv), trengo.DestinationConfig{
			ChannelID: 405980, EventTemplates: map[string]string{"Ev": "{{ properties }}"},
		})
		if err != nil {
			t.Fatal(err)
		}
		var ended []error
		handler, err := trengo.NewHandler(destination, trengo.HandlerConfig{
			AllowUnauthenticated: true, MaxBodyBytes: 1 << 10,
			OnOutcome: func(o trengo.Outcome, _ int) { ended = append(ended, o.Err) },
		})
		if err != nil {
			t.Fatal(err)
		}
		sent := string(body)
		if way == gzipped {
			sent = zip(sent)
		}
		request := delivery(t.Context(), sent)
		request.Header["Content-Type"] = []string{contentType}
		if way != asItIs {
			request.Header.Set("Content-Encoding", "gzip")
		}
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		checkAnswer(t, recorder, body, ended)
		if len(srv.Contacts()) > len(ended) || len(srv.Tickets()) > len(ended) {
			t.Errorf("%d events made %d contacts and %d tickets", len(ended), len(srv.Contacts()), len(srv.Tickets()))
		}
	})
}

// checkAnswer looks at the answer to a body whose events ended with these
// errors.
func checkAnswer(t *testing.T, recorder *httptest.ResponseRecorder, body []byte, ended []error) {
	t.Helper()
	status, line := recorder.Code, recorder.Body.Bytes()
	if !slices.Contains(documented, status) {
		t.Errorf("status %d", status)
	}
	var answer struct {
		Status int
		Events []struct{ Status int }
	}
	if err := json.Unmarshal(line, &answer); err != nil || answer.Status != status || bytes.IndexByte(line, '\n') != len(line)-1 {
		t.Errorf("status %d with an answer that is not its line of JSON: %q", status, line)
	}
	var events []json.RawMessage
	isArray := json.Unmarshal(body, &events) == nil && events != nil
	if isArray && ended != nil && (len(ended) != len(events) || len(answer.Events) != len(events)) || !isArray && answer.Events != nil {
		t.Errorf("%d events, %d outcomes and %d answers", len(events), len(ended), len(answer.Events))
	}
	failed := slices.ContainsFunc(ended, func(err error) bool { return err != nil })
	if isOK := status == http.StatusOK; isOK && (failed || ended == nil && len(events) > 0) {
		t.Errorf("status 200, and the events ended with %v", ended)
	} else if !isOK && ended != nil && !failed {
		t.Errorf("status %d, and every event is done", status)
	}
	for i, event := range answer.Events {
		if (event.Status == http.StatusOK) != (ended[i] == nil) {
			t.Errorf("event %d has status %d and ended with %v", i, event.Status, ended[i])
		}
	}
}
