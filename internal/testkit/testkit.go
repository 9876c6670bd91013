// Package testkit holds what the tests of this module share: a Trengo with
// channels, clients and destinations for it, a process with one of each, a webhook
// in front of it, events, stub transports, and the -soak flag. Only tests import
// it.
//
// The tests inside package trengo cannot use it, because it imports trengo.
package testkit

import (
	"net/http"
	"testing"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// The channels of a [Fixture].
const (
	EmailChannel      = 405980
	OtherEmailChannel = 405981
	PhoneChannel      = 406001
)

// The IDs that a [trengotest.Server] gives to the first contact and the first
// ticket it creates.
const (
	FirstContact = 460000001
	FirstTicket  = 970000001
)

// Unlimited is a rate limit that no test reaches, for
// [trengo.WithRateLimit] and [trengotest.Server.SetRateLimit].
const Unlimited = 1_000_000_000

// A Fixture is an in-memory Trengo with the channels above. It is an
// [http.RoundTripper], so it works in a bubble of testing/synctest.
type Fixture struct {
	*trengotest.Server

	tb testing.TB
}

// New returns a Trengo with three channels and the given contacts.
func New(tb testing.TB, contacts ...trengotest.Contact) *Fixture {
	tb.Helper()
	f := &Fixture{Server: trengotest.New(), tb: tb}
	f.AddChannel(trengotest.Channel{ID: EmailChannel, Type: "EMAIL"})
	f.AddChannel(trengotest.Channel{ID: OtherEmailChannel, Type: "EMAIL"})
	f.AddChannel(trengotest.Channel{ID: PhoneChannel, Type: "WA_BUSINESS"})
	for _, contact := range contacts {
		f.AddContact(contact)
	}
	return f
}

// NewClient returns a client whose requests go to f.
func (f *Fixture) NewClient(opts ...trengo.Option) *trengo.Client {
	f.tb.Helper()
	return NewClient(f.tb, f.Server, opts...)
}

// NewDestination returns a destination whose requests go to f. See the
// function [NewDestination] for what is filled in.
func (f *Fixture) NewDestination(cfg trengo.DestinationConfig, opts ...trengo.Option) *trengo.Destination {
	f.tb.Helper()
	return NewDestination(f.tb, f.NewClient(opts...), cfg)
}

// RequestLines returns the requests that f received since its creation or the
// last ResetRequests, in the form of [RequestLine].
func (f *Fixture) RequestLines() []string { return RequestLines(f.Server) }

// NewClient returns a client whose requests go to rt: a [trengotest.Server], or
// a [RoundTripperFunc] for responses that no Server gives.
func NewClient(tb testing.TB, rt http.RoundTripper, opts ...trengo.Option) *trengo.Client {
	tb.Helper()
	first := trengo.WithHTTPClient(&http.Client{Transport: rt})
	client, err := trengo.NewClient(trengotest.Token, append([]trengo.Option{first}, opts...)...)
	if err != nil {
		tb.Fatal(err)
	}
	return client
}

// NewDestination returns a destination that uses client. A ChannelID of zero
// becomes [EmailChannel], or [PhoneChannel] if contacts are identified by phone
// number. Nil EventTemplates become one for [TrackEvent].
func NewDestination(tb testing.TB, client *trengo.Client, cfg trengo.DestinationConfig) *trengo.Destination {
	tb.Helper()
	switch {
	case cfg.ChannelID != 0:
	case cfg.ChannelIdentifier == trengo.IdentifierPhone:
		cfg.ChannelID = PhoneChannel
	default:
		cfg.ChannelID = EmailChannel
	}
	if cfg.EventTemplates == nil {
		cfg.EventTemplates = map[string]string{TrackEvent: Subject}
	}
	destination, err := trengo.NewDestination(client, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return destination
}
