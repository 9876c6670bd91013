package trengo_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// removeAnn deletes the contact behind the destination's back.
func removeAnn(d *desk) {
	for _, contact := range d.Contacts() {
		if contact.Email == "ann@example.com" {
			if err := d.client.Contacts.Delete(d.t.Context(), contact.ID); err != nil {
				d.t.Fatal(err)
			}
		}
	}
}

func replaceAnn(d *desk) {
	removeAnn(d)
	d.AddContact(trengotest.Contact{ID: 7, Name: "Ann", Email: "ann@example.com"})
}

func refuse(status int, request string) func(*desk) {
	return func(d *desk) {
		d.fail(request, trengotest.Respond(status, "application/json", `{"message":"No."}`))
	}
}

// A remembered contact may be gone by the time of the next event.
func TestContactCache_contactIsGone(t *testing.T) {
	renamed := identifyFor("next", "ann@example.com", "Anna")
	tracked := trackFor("next", "ann@example.com")
	cases := map[string]struct {
		changes []func(*trengo.DestinationConfig)
		happens func(*desk)
		event   *trengo.Event
		sent    string
		action  trengo.Action
		err     error
	}{
		"deleted: an identify creates it anew": {
			nil, removeAnn, renamed,
			inOrder(rename, search, create), trengo.ActionContactCreated, nil,
		},
		"deleted: a track creates it anew if it may": {
			[]func(*trengo.DestinationConfig){creating},
			removeAnn, tracked,
			inOrder(open, search, create, open), trengo.ActionTicketCreated, nil,
		},
		"deleted: a track that may create nobody finds nobody": {
			nil, removeAnn, tracked,
			inOrder(open, search), "", trengo.ErrContactNotFound,
		},
		"replaced: an identify renames the other": {
			nil, replaceAnn, renamed,
			inOrder(rename, search, rename), trengo.ActionContactUpdated, nil,
		},
		"replaced: a track opens its ticket for the other": {
			nil, replaceAnn, tracked,
			inOrder(open, search, open), trengo.ActionTicketCreated, nil,
		},
		"still there: a refused rename is not sent again": {
			nil, refuse(404, "PUT /contacts/460000002"), renamed,
			inOrder(rename, search), "", trengo.ErrNotFound,
		},
		"still there: a refused ticket is not sent again": {
			nil, refuse(422, open), tracked,
			inOrder(open, search), "", trengo.ErrUnprocessable,
		},
		"still there: a rename refused as unprocessable is not sent again": {
			nil, refuse(422, "PUT /contacts/460000002"), renamed,
			inOrder(rename, search), "", trengo.ErrUnprocessable,
		},
		"any other refusal is no reason to look": {
			nil, refuse(403, open), tracked,
			open, "", trengo.ErrUnauthorized,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, c.changes...)
				d.warmUp()
				d.must(identifyFor("first", "ann@example.com", "Ann"))
				c.happens(d)
				d.ResetRequests()
				result, err := d.process(c.event)
				if sent := d.sent(); sent != c.sent {
					t.Errorf("sent %s\nwant %s", sent, c.sent)
				}
				if !errors.Is(err, c.err) || result.Action != c.action {
					t.Errorf("%q with %v, want %q with %v", result.Action, err, c.action, c.err)
				}
			})
		})
	}
}

// After the second look, memory holds what it found.
func TestContactCache_afterASecondLook(t *testing.T) {
	cases := map[string]struct {
		happens     func(*desk)
		next, after string
	}{
		"the other contact is remembered": {replaceAnn, inOrder(open, search, open), open},
		"a contact that was still there is looked for again": {
			refuse(422, open), inOrder(open, search), inOrder(search, open),
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t)
				d.warmUp()
				d.must(identifyFor("first", "ann@example.com", "Ann"))
				c.happens(d)
				d.ResetRequests()
				_, _ = d.process(trackFor("next", "ann@example.com"))
				if sent := d.sent(); sent != c.next {
					t.Errorf("sent %s\nwant %s", sent, c.next)
				}
				d.must(trackFor("after", "ann@example.com"))
				if sent := d.sent(); sent != c.after {
					t.Errorf("afterwards sent %s\nwant %s", sent, c.after)
				}
			})
		})
	}
}

// What was not taken from memory is as fresh as it gets: no second look.
func TestContactCache_noSecondLookAtWhatWasJustRead(t *testing.T) {
	cases := map[string]struct {
		event *trengo.Event
		sent  string
	}{
		"a contact that was just found":       {trackFor("1", "ann@example.com"), inOrder(search, open)},
		"a contact that the sender has named": {aboutContact(trackFor("1", ""), 460000002), open},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, creating)
				d.warmUp()
				d.AddContact(trengotest.Contact{Email: "ann@example.com"})
				refuse(http.StatusUnprocessableEntity, open)(d)
				d.mustFail(c.event, trengo.ErrUnprocessable)
				if sent := d.sent(); sent != c.sent {
					t.Errorf("sent %s\nwant %s", sent, c.sent)
				}
			})
		})
	}
}

// An error of the second try is told, not that of the first.
func TestContactCache_secondTryFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.warmUp()
		d.must(identifyFor("first", "ann@example.com", "Ann"))
		replaceAnn(d)
		d.ResetRequests()
		d.Inject(trengotest.Fault{}, trengotest.Fault{}, trengotest.Respond(403, "application/json", `{}`))
		result, err := d.process(trackFor("next", "ann@example.com"))
		if !errors.Is(err, trengo.ErrUnauthorized) || errors.Is(err, trengo.ErrUnprocessable) {
			t.Errorf("error %v, want that of the second ticket", err)
		}
		if result.ContactID != 7 {
			t.Errorf("contact %d, want the one that was tried last", result.ContactID)
		}
		if sent := d.sent(); sent != inOrder(open, search, open) {
			t.Errorf("sent %s", sent)
		}
	})
}
