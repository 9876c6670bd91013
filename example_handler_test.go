package trengo_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

func ExampleNewHandler() {
	srv := trengotest.New() // stands in for Trengo
	srv.AddChannel(trengotest.Channel{ID: 405980, Type: "EMAIL"})
	client, err := trengo.NewClient(trengotest.Token, trengo.WithHTTPClient(srv.HTTPClient()))
	if err != nil {
		log.Fatal(err)
	}
	destination, err := trengo.NewDestination(client, trengo.DestinationConfig{ChannelID: 405980})
	if err != nil {
		log.Fatal(err)
	}
	handler, err := trengo.NewHandler(destination, trengo.HandlerConfig{
		Secrets: []string{"Bearer s3cret"}, // yours comes from the environment
		OnOutcome: func(outcome trengo.Outcome, status int) {
			if status == http.StatusBadRequest {
				fmt.Println("will not come again:", outcome.Err)
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/events", handler)

	for _, body := range []string{
		`{"type": "identify", "traits": {"email": "ann@example.com", "name": "Ann"}}`,
		`{"type": "identify", "traits": {"name": "Ben"}}`,
	} {
		// What RudderStack sends.
		request := httptest.NewRequest(http.MethodPost, "/events", strings.NewReader(body))
		request.Header.Set("Authorization", "Bearer s3cret")
		request.Header.Set("Content-Type", "application/json")
		recorder := httptest.NewRecorder()
		mux.ServeHTTP(recorder, request)
		fmt.Print(recorder.Code, " ", recorder.Body)
	}
	// Output:
	// 200 {"status":200,"action":"contact_created"}
	// will not come again: trengo: missing identifier: the event has no email
	// 400 {"status":400,"error":"trengo: missing identifier: the event has no email"}
}
