package trengo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// onRequest lets every request that begins like line meet the fault.
func onRequest(srv *trengotest.Server, line string, fault trengotest.Fault) {
	srv.InjectFunc(func(r trengotest.Request) trengotest.Fault {
		if strings.HasPrefix(r.Method+" "+r.Path, line) {
			return fault
		}
		return trengotest.Fault{}
	})
}

// The errors of the client come through as they are, beside the ids that were
// known by then.
func TestDestination_clientErrors(t *testing.T) {
	// What an answer says about a person must not get into the text.
	const complaint = `{"message":"Ann Lee, ann@example.com, +31600000042","errors":{"identifier":["ann@example.com is taken"]}}`
	refusal := func(status int) trengotest.Fault { return trengotest.Respond(status, "application/json", complaint) }
	const (
		search = "GET /contacts"
		create = "POST /channels"
		rename = "PUT /contacts"
		ticket = "POST /tickets"
	)
	known := []trengotest.Contact{mailContact(11, "Ann", "ann@example.com")}
	missing := trengo.DestinationConfig{CreateMissingContacts: true}
	identify := identifyEvent(`"traits":{"email":"ann@example.com","phone":"+31600000042","name":"Ann Lee"}`)
	track := trackEvent(`"traits":{"email":"ann@example.com","name":"Ann Lee"}`)
	named := func(event string) string {
		return strings.Replace(event, `"traits"`, `"context":{"externalId":[{"type":"trengoContactId","id":99}]},"traits"`, 1)
	}
	byPhone := trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone}
	tests := []struct {
		name      string
		cfg       trengo.DestinationConfig
		contacts  []trengotest.Contact
		event     string
		on        string
		fault     trengotest.Fault
		err       error
		contactID int64 // in the result
		retryable bool
	}{
		{"identify: the search is refused", trengo.DestinationConfig{}, known, identify, search, refusal(401), trengo.ErrUnauthorized, 0, true},
		{"identify: the search gets a web page", trengo.DestinationConfig{}, known, identify, search, trengotest.RespondHTML(502), nil, 0, true},
		{"identify: the search gets no list", trengo.DestinationConfig{}, known, identify, search, trengotest.Respond(200, "application/json", "{}"), nil, 0, true},
		{"identify: the create is refused", trengo.DestinationConfig{}, nil, identify, create, refusal(422), trengo.ErrUnprocessable, 0, false},
		{"identify: the channel does not exist", trengo.DestinationConfig{ChannelID: 1}, nil, identify, "", trengotest.Fault{}, trengo.ErrNotFound, 0, false},
		{"identify: the channel is of another kind", trengo.DestinationConfig{ChannelID: phoneChannel}, nil, identify, "", trengotest.Fault{}, trengo.ErrUnprocessable, 0, false},
		{"identify: the create of a phone gets no answer", byPhone, nil, identify, create, trengotest.LostBefore(), trengo.ErrOutcomeUnknown, 0, true},
		{"identify: the update is refused", trengo.DestinationConfig{}, known, identify, rename, refusal(422), trengo.ErrUnprocessable, 11, false},
		{"identify: the update is forbidden", trengo.DestinationConfig{}, known, identify, rename, refusal(403), trengo.ErrUnauthorized, 11, true},
		{"identify: the contact is gone by the update", trengo.DestinationConfig{}, known, identify, rename, refusal(404), trengo.ErrNotFound, 11, false},
		{"identify: the update gets no answer", trengo.DestinationConfig{}, known, identify, rename, trengotest.LostBefore(), trengo.ErrOutcomeUnknown, 11, true},
		{"identify: the named contact does not exist", trengo.DestinationConfig{}, known, named(identify), "", trengotest.Fault{}, trengo.ErrNotFound, 99, false},
		{"identify: the named contact does not exist, duplicates allowed", trengo.DestinationConfig{AllowDuplicates: true}, known, named(identify), "", trengotest.Fault{}, trengo.ErrNotFound, 99, false},
		{"identify: the contact that the create found cannot be updated", trengo.DestinationConfig{}, []trengotest.Contact{mailContact(11, "", "ANN@example.com")}, identify, rename, refusal(422), trengo.ErrUnprocessable, 11, false},
		{"track: the search is refused", trengo.DestinationConfig{}, known, track, search, refusal(403), trengo.ErrUnauthorized, 0, true},
		{"track: the search is not answered", trengo.DestinationConfig{}, known, track, search, trengotest.NoConnection(), nil, 0, true},
		{"track: the create is refused", missing, nil, track, create, refusal(422), trengo.ErrUnprocessable, 0, false},
		{"track: the ticket is refused", trengo.DestinationConfig{}, known, track, ticket, refusal(422), trengo.ErrUnprocessable, 11, false},
		{"track: the ticket is refused after the create", missing, nil, track, ticket, refusal(422), trengo.ErrUnprocessable, newContact, false},
		{"track: the ticket gets no answer", trengo.DestinationConfig{}, known, track, ticket, trengotest.LostBefore(), trengo.ErrOutcomeUnknown, 11, true},
		{"track: the ticket meets an outage", trengo.DestinationConfig{}, known, track, ticket, refusal(503), trengo.ErrOutcomeUnknown, 11, true},
		{"track: the channel does not exist", trengo.DestinationConfig{ChannelID: 1}, known, track, "", trengotest.Fault{}, trengo.ErrUnprocessable, 11, false},
		{"track: the named contact does not exist", trengo.DestinationConfig{}, known, named(track), "", trengotest.Fault{}, trengo.ErrUnprocessable, 99, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := newTrengo(tt.contacts...)
				srv.Behavior.CaseSensitiveSearch = true
				if tt.on != "" {
					onRequest(srv, tt.on, tt.fault)
				}
				ev := mustParse(t, tt.event)
				result, err := destinationOn(t, srv, tt.cfg).Process(t.Context(), ev)
				if tt.err != nil && !errors.Is(err, tt.err) {
					t.Errorf("error is %v, want %v", err, tt.err)
				}
				if got := errorOf(t, err); strings.HasPrefix(tt.on, http.MethodGet) && got.Method != http.MethodGet {
					t.Errorf("error is of another call: %v", err)
				}
				if diff := cmp.Diff(trengo.Result{ContactID: tt.contactID}, result); diff != "" {
					t.Errorf("result (-want +got):\n%s", diff)
				}
				if got := trengo.Retryable(err); got != tt.retryable {
					t.Errorf("Retryable is %t of %v", got, err)
				}
				mustTellNothing(t, err, ev, tt.contacts)
			})
		})
	}
}

// A plan ends where it cannot read what it would have to know.
func TestDestination_planCannotRead(t *testing.T) {
	t.Parallel()
	srv := newTrengo(mailContact(11, "Ann", "ann@example.com"))
	onRequest(srv, "GET", trengotest.Respond(http.StatusForbidden, "application/json", "{}"))
	destination := destinationOn(t, srv, trengo.DestinationConfig{})
	for _, event := range []string{identifyEvent(`"traits":{"email":"ann@example.com"}`), trackEvent(`"traits":{"email":"ann@example.com"}`)} {
		plan, err := destination.Plan(t.Context(), mustParse(t, event))
		if !errors.Is(err, trengo.ErrUnauthorized) {
			t.Errorf("error is %v, want an unauthorized search", err)
		}
		if diff := cmp.Diff(trengo.Plan{}, plan); diff != "" {
			t.Errorf("plan (-want +got):\n%s", diff)
		}
	}
}

func TestDestination_contextEnds(t *testing.T) {
	t.Run("before the first request", func(t *testing.T) {
		srv := newTrengo()
		destination := destinationOn(t, srv, trengo.DestinationConfig{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		ev := mustParse(t, identifyEvent(`"traits":{"email":"ann@example.com"}`))
		if _, err := destination.Process(ctx, ev); !errors.Is(err, context.Canceled) || !trengo.Retryable(err) {
			t.Errorf("Process ends with %v, want a context that was canceled", err)
		}
		if _, err := destination.Plan(ctx, ev); !errors.Is(err, context.Canceled) {
			t.Errorf("Plan ends with %v, want a context that was canceled", err)
		}
		if lines := requestLines(srv); lines != nil {
			t.Errorf("requests %q", lines)
		}
	})
	t.Run("before the ticket is answered", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := newTrengo(mailContact(11, "Ann", "ann@example.com"))
			onRequest(srv, "POST /tickets", trengotest.Slow(time.Hour))
			destination := destinationOn(t, srv, trengo.DestinationConfig{})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			began := time.Now()
			result, err := destination.Process(ctx, mustParse(t, trackEvent(`"traits":{"email":"ann@example.com"}`)))
			if took := time.Since(began); took != 10*time.Second {
				t.Errorf("it took %s", took)
			}
			if !errors.Is(err, trengo.ErrOutcomeUnknown) || result != (trengo.Result{ContactID: 11}) {
				t.Errorf("%+v with %v, want an unknown outcome", result, err)
			}
		})
	})
	t.Run("before there is room within the rate limit", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := newTrengo()
			srv.Inject(trengotest.TooManyRequests("50"))
			destination := destinationOn(t, srv, trengo.DestinationConfig{})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, err := destination.Process(ctx, mustParse(t, identifyEvent(`"traits":{"email":"ann@example.com"}`)))
			if !errors.Is(err, trengo.ErrRateLimited) || !trengo.Retryable(err) || errorOf(t, err).RetryAfter != 50*time.Second {
				t.Errorf("error is %v, want a rate limit that asks for 50 s", err)
			}
		})
	})
}

func TestRetryable_ofEveryEvent(t *testing.T) {
	t.Parallel()
	_, invalid := trengo.ParseEvent([]byte("[]"))
	for _, tt := range []struct {
		name string
		err  error
		want bool
	}{
		{"no error", nil, false},
		{"an event that cannot be read", invalid, false},
		{"ErrInvalidEvent", trengo.ErrInvalidEvent, false},
		{"ErrMissingIdentifier", trengo.ErrMissingIdentifier, false},
		{"ErrContactNotFound", trengo.ErrContactNotFound, false},
		{"ErrAmbiguousContact", trengo.ErrAmbiguousContact, false},
		{"an AmbiguousContactError", &trengo.AmbiguousContactError{ContactIDs: []int64{1, 2}}, false},
		{"ErrNotFound", trengo.ErrNotFound, false},
		{"ErrUnprocessable", trengo.ErrUnprocessable, false},
		{"ErrUnauthorized", trengo.ErrUnauthorized, true},
		{"ErrRateLimited", trengo.ErrRateLimited, true},
		{"ErrOutcomeUnknown", trengo.ErrOutcomeUnknown, true},
		{"a context that was canceled", context.Canceled, true},
		{"a context that is over its deadline", context.DeadlineExceeded, true},
		{"an error of somebody else", errors.New("something"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := trengo.Retryable(tt.err); got != tt.want {
				t.Errorf("Retryable is %t", got)
			}
			if tt.err == nil {
				return
			}
			if got := trengo.Retryable(fmt.Errorf("line 5: %w", tt.err)); got != tt.want {
				t.Errorf("wrapped, Retryable is %t", got)
			}
		})
	}
}
