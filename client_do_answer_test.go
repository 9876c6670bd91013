package trengo_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
)

func TestClient_Do_answer(t *testing.T) {
	t.Parallel()
	const page = "<!DOCTYPE html><html></html>"
	type label struct{ ID int64 }
	tests := []struct {
		name   string
		status int
		media  string
		body   string
		out    bool   // somebody wants to know
		says   string // of the error; "": there is none
	}{
		{"nothing, and nothing wanted", 200, "", "", false, ""},
		{"nothing with the type of a page, and nothing wanted", 200, "text/html", "", false, ""},
		{"204, and nothing wanted", 204, "", "", false, ""},
		{"white space, and nothing wanted", 200, "application/json", " \r\n", false, ""},
		{"an object, and nothing wanted", 201, "application/json", `{"id":5}`, false, ""},
		{"an empty array, and nothing wanted", 202, "application/json", `[]`, false, ""},
		{"a page, and nothing wanted", 200, "text/html; charset=UTF-8", page, false, "trengo: GET /labels: 200 OK: text/html instead of JSON"},
		{"a page that says it is JSON, and nothing wanted", 200, "application/json", page, false, "trengo: GET /labels: 200 OK: JSON that is broken or was cut off"},
		{"cut JSON, and nothing wanted", 200, "application/json", `{"id":5`, false, "trengo: GET /labels: 200 OK: JSON that is broken or was cut off"},
		{"an object", 200, "application/json", `{"id":5}`, true, ""},
		{"an object with white space around", 201, "application/json; charset=utf-8", "\n {\"id\":5}\n", true, ""},
		{"an object with the type of a page", 200, "text/html", `{"id":5}`, true, ""},
		{"an object without a type", 299, "", `{"id":5}`, true, ""},
		{"nothing", 200, "application/json", "", true, "trengo: GET /labels: 200 OK: an empty answer instead of JSON"},
		{"204", 204, "", "", true, "trengo: GET /labels: 204 No Content: an empty answer instead of JSON"},
		{"a page", 200, "text/html", page, true, "trengo: GET /labels: 200 OK: text/html instead of JSON"},
		{"a page without a type", 200, "", page, true, "trengo: GET /labels: 200 OK: something instead of JSON"},
		{"a page with an unusual type", 200, "text/ann", page, true, "trengo: GET /labels: 200 OK: something instead of JSON"},
		{"a page with a broken type", 200, "text/", page, true, "trengo: GET /labels: 200 OK: something instead of JSON"},
		{"cut JSON", 200, "application/json", `{"id":5`, true, "trengo: GET /labels: 200 OK: JSON that is broken or was cut off"},
		{"two objects", 200, "application/json", `{"id":5}{"id":6}`, true, "trengo: GET /labels: 200 OK: JSON that is broken or was cut off"},
		{"JSON of another type", 200, "application/json", `{"id":"ann@example.com"}`, true, "trengo: GET /labels: 200 OK: the answer does not fit int64"},
		{"an unknown status", 599, "", "", true, "trengo: GET /labels: 599"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got label
			var out any
			if tt.out {
				out = &got
			}
			client := newClientOn(t, respond(tt.status, tt.body, "Content-Type", tt.media), trengo.WithMaxRetries(0))
			err := client.Do(t.Context(), trengo.Request{Path: "/labels"}, out)
			if tt.says == "" {
				if err != nil || tt.out && got.ID != 5 {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			if diff := cmp.Diff(tt.says, errorOf(t, err).Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if failed := errorOf(t, err); failed.StatusCode != tt.status || failed.Attempts != 1 || string(failed.Body) != tt.body {
				t.Errorf("%+v, want the status and body of the answer", *failed)
			}
			if !trengo.Retryable(err) {
				t.Error("an answer that cannot be read is not retryable")
			}
		})
	}
}

func TestClient_Do_errorKeepsTheBeginningOfTheBody(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 2000)
	tests := []struct {
		name   string
		status int
		body   string
		kept   int
	}{
		{"a short one is kept whole", 400, "short", 5},
		{"one of a kilobyte is kept whole", 400, long[:1024], 1024},
		{"a longer one is cut", 400, long[:1025], 1024},
		{"one of a success that cannot be read is cut, too", 200, long, 1024},
		{"a huge one is cut", 404, strings.Repeat(long, 1000), 1024},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client := newClientOn(t, respond(tt.status, tt.body), trengo.WithMaxRetries(0))
			failed := errorOf(t, client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil))
			if string(failed.Body) != tt.body[:tt.kept] {
				t.Errorf("%d bytes are kept, want the first %d", len(failed.Body), tt.kept)
			}
		})
	}
}

// What is wrong with a form of many fields takes more than a kilobyte to say.
func TestClient_Do_errorIsReadBeyondTheKeptBody(t *testing.T) {
	t.Parallel()
	body := `{"filler":"` + strings.Repeat("x", 2000) + `","message":"No.","errors":{"name":["Missing."]}}`
	client := newClientOn(t, respond(http.StatusUnprocessableEntity, body))
	failed := errorOf(t, client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil))
	if failed.Message != "No." || len(failed.Fields["name"]) != 1 {
		t.Errorf("message %q and fields %v, want both", failed.Message, failed.Fields)
	}
}

func TestClient_Do_answerTooLong(t *testing.T) {
	t.Parallel()
	long := `"` + strings.Repeat("x", 16<<20) + `"`
	client := newClientOn(t, respond(http.StatusOK, long), trengo.WithMaxRetries(0))
	var out string
	err := client.Do(t.Context(), trengo.Request{Method: http.MethodPost, Path: "/labels"}, &out)
	want := "trengo: POST /labels: 200 OK: the answer is too long; outcome unknown"
	if diff := cmp.Diff(want, errorOf(t, err).Error()); diff != "" || !errors.Is(err, trengo.ErrOutcomeUnknown) {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}
