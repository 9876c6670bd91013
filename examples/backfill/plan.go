package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"strings"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/examples/backfill/internal/checkpoint"
	"github.com/trengo-go/trengo/examples/backfill/internal/input"
)

// planFile prints what a run would take, and what of it would be lost.
func planFile(s settings, std stdio) (status int, err error) {
	config, err := s.readConfig()
	if err != nil {
		return 0, err
	}
	p, err := newPlanner(config, s.initialLimit())
	if err != nil {
		return 0, err
	}
	if err := s.checkDistinct(std.stdin); err != nil {
		return 0, err
	}
	in, err := openInput(s, std.stdin)
	if err != nil {
		return 0, err
	}
	defer func() { _ = in.Close() }()
	earlier, err := checkpoint.Peek(s.checkpoint, s.header(in, config))
	if err != nil {
		return 0, err
	}
	if err := p.addAll(in, earlier, s); err != nil {
		return 0, err
	}
	if len(earlier.Changes) > 0 {
		fmt.Fprintf(std.stderr, "backfill: the config has changed since the last run: %s; a run needs -accept-changes\n", strings.Join(earlier.Changes, ", "))
	}
	finished, _ := earlier.Count()
	p.estimate.print(std.stdout, finished, s.initialLimit())
	if p.estimate.invalid > 0 {
		return exitFailed, nil
	}
	return exitOK, nil
}

// printLosses says before a run what of it will be lost. Standard input can be
// read only once, so that nothing is known of it.
func printLosses(out io.Writer, s settings, config trengo.DestinationConfig, f files) error {
	if f.input.Count == input.Unknown {
		return nil
	}
	p, err := newPlanner(config, s.initialLimit())
	if err != nil {
		return err
	}
	if err := p.addAll(f.input, &f.checkpoint.View, s); err != nil {
		return err
	}
	if e := p.estimate; e.invalid+e.skipped > 0 {
		fmt.Fprintf(out, "of %d events, %d will fail and %d will be skipped\n", e.events, e.invalid, e.skipped)
		e.losses.print(out)
	}
	return nil
}

// An estimate says what a replay would take. It is made without any request:
// searching for 100,000 people would take Trengo 14 hours.
//
// The minimum assumes that each person is searched for once, and that Trengo
// knows everyone by the name in the events. The maximum assumes that Trengo
// knows no one, or everyone by another name, and that people who return after
// DestinationConfig.PeopleTTL are searched for again. Neither includes retries,
// long lists, or other users of the token.
type estimate struct {
	events, skipped, invalid, people, tickets int
	losses                                    losses

	minRequests, maxRequests int
}

func (e estimate) print(out io.Writer, before, perMinute int) {
	rows := []struct {
		label string
		n     int
	}{
		{"events to replay", e.events},
		{"done before", before},
		{"skipped", e.skipped},
		{"will fail", e.invalid},
		{"people", e.people},
		{"tickets", e.tickets},
		{"API requests, at least", e.minRequests},
		{"API requests, at most", e.maxRequests},
	}
	for _, row := range rows {
		fmt.Fprintf(out, "      %-25s %8d\n", row.label, row.n)
	}
	fmt.Fprintf(out, "      %-25s %8s to %s\n", fmt.Sprintf("time at %d a minute", perMinute),
		formatTime(float64(e.minRequests), perMinute), formatTime(float64(e.maxRequests), perMinute))
	fmt.Fprint(out, `
The minimum assumes that Trengo knows everyone by the names in the events, and
that each person is searched for once. The maximum assumes that it knows no one,
or everyone by another name, and that people who return after -remember are
searched for again. Neither includes retries, or what a run that resumes has to
read again.
`)
	if len(e.losses) > 0 {
		fmt.Fprint(out, "\nWhat will not reach Trengo, by line of the input:\n\n")
		e.losses.print(out)
	}
}

// A planner estimates. A Destination interprets the events, so that matching
// and skipping are those of the replay. It sees a Trengo without contacts, so
// that every event plans to create its person and thereby names it.
type planner struct {
	destination *trengo.Destination
	config      trengo.DestinationConfig
	memory      int // after how many requests a person is searched for again
	seed        maphash.Seed
	people      map[uint64]knownPerson // by hash
	estimate    estimate
}

func newPlanner(config trengo.DestinationConfig, perMinute int) (*planner, error) {
	client, err := trengo.NewClient("none", trengo.WithHTTPClient(&http.Client{Transport: emptyTrengo{}}))
	if err != nil {
		return nil, err
	}
	creating := config
	creating.CreateMissingContacts = true
	destination, err := trengo.NewDestination(client, creating)
	if err != nil {
		return nil, err
	}
	return &planner{
		destination: destination,
		config:      config,
		memory:      int(config.PeopleTTL.Minutes() * float64(perMinute)),
		seed:        maphash.MakeSeed(),
		people:      map[uint64]knownPerson{},
	}, nil
}

// addAll adds the events that a run would replay.
func (p *planner) addAll(in *input.Input, earlier *checkpoint.View, s settings) error {
	for ev, err := range in.Events() {
		if err == nil {
			err = earlier.Verify(ev)
		}
		if err != nil {
			return err
		}
		if earlier.IsFinished(ev.Number) {
			continue
		}
		if s.limit > 0 && p.estimate.events == s.limit {
			return nil
		}
		if s.hold && earlier.WasInDoubt(ev.Number) {
			ev.Err = errInDoubt
		}
		p.add(ev)
	}
	return earlier.VerifyEnd()
}

func (p *planner) add(ev input.Event) {
	p.estimate.events++
	plan, err := p.planEvent(ev)
	switch {
	case err != nil:
		p.estimate.invalid++
		p.estimate.losses.add("will fail: "+err.Error(), ev.Position)
	case plan.Action == trengo.ActionSkipped:
		p.estimate.skipped++
		p.estimate.losses.add("skipped: "+plan.Reason, ev.Position)
	default:
		p.addPlan(plan, ev.Position)
	}
}

func (p *planner) planEvent(ev input.Event) (trengo.Plan, error) {
	if ev.Err != nil {
		return trengo.Plan{}, ev.Err
	}
	event, err := trengo.ParseEvent(ev.Text)
	if err != nil {
		return trengo.Plan{}, err
	}
	return p.destination.Plan(context.Background(), event)
}

// addPlan adds the requests of an event that would change something.
func (p *planner) addPlan(plan trengo.Plan, position input.Position) {
	if len(plan.Writes) == 0 {
		return // the event names its contact by ID, and does not give a name
	}
	first := plan.Writes[0]
	var body struct {
		Identifier string `json:"identifier"`
		Name       string `json:"name"`
		ContactID  int64  `json:"contact_id"`
	}
	// The body comes from encoding/json. A missing key leaves its field empty.
	_ = json.Unmarshal(first.Body, &body)
	opensTicket := plan.Action == trengo.ActionTicketCreated
	byID := body.Identifier == ""
	identifier := body.Identifier
	if p.config.ChannelIdentifier == trengo.IdentifierPhone {
		identifier = strings.TrimPrefix(identifier, "+") // the same phone number with and without
	}
	who := first.Path + " " + identifier
	if byID && opensTicket {
		who = fmt.Sprintf("/contacts/%d ", body.ContactID)
	}
	key := maphash.String(p.seed, who)
	person, seen := p.people[key]
	searches := !byID && (opensTicket || !p.config.AllowDuplicates)
	switch {
	case !seen && searches:
		p.addCertain()
	case searches && p.estimate.maxRequests > person.until:
		p.addPossible()
	}
	if !seen {
		p.estimate.people++
	}
	if !seen || p.estimate.maxRequests > person.until {
		person.until = p.estimate.maxRequests + p.memory
	}
	if opensTicket && !byID && !p.config.CreateMissingContacts && !person.isIdentified {
		p.estimate.losses.add("may fail: Trengo may not know the person (see -create-missing)", position)
	}
	person.isIdentified = person.isIdentified || !opensTicket
	if opensTicket {
		p.addTicket(!seen && !byID && p.config.CreateMissingContacts)
	} else {
		person.name = p.addIdentify(person.name, body.Name, !seen, byID)
	}
	p.people[key] = person
}

// addCertain adds a request that is sent in any case.
func (p *planner) addCertain() {
	p.estimate.minRequests++
	p.estimate.maxRequests++
}

// addPossible adds a request that may be sent.
func (p *planner) addPossible() { p.estimate.maxRequests++ }

func (p *planner) addTicket(mayCreate bool) {
	if p.estimate.tickets == 0 {
		p.addCertain() // the list of older tickets
	}
	p.estimate.tickets++
	p.addCertain()
	if mayCreate {
		p.addPossible()
	}
}

// addIdentify adds the write of an identify event. It returns the hash of the
// name by which the person is known afterwards.
func (p *planner) addIdentify(known uint64, name string, isFirst, byID bool) uint64 {
	if p.config.AllowDuplicates && !byID {
		p.addCertain()
		return known
	}
	next := known
	if name != "" {
		next = maphash.String(p.seed, name) | 1 // never 0
	}
	switch {
	case byID && next != known:
		p.addCertain() // the name of such a contact is not read first
	case known == 0 && (isFirst || next != 0):
		p.addPossible() // Trengo may know the person by that name
	case next != known:
		p.addCertain()
	}
	return next
}

// A knownPerson is what a Destination would remember of a person.
type knownPerson struct {
	name         uint64 // its hash; zero means unknown
	isIdentified bool   // by an event that creates the contact if it is missing
	until        int    // the request after which it is forgotten, in the maximum
}

// emptyTrengo responds like a Trengo without contacts. Its rate limit is too
// high to matter.
type emptyTrengo struct{}

func (emptyTrengo) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{"Content-Type": {"application/json"}, "X-Ratelimit-Limit": {"1000000000"}},
		Body:       io.NopCloser(strings.NewReader(`{"data":[]}`)),
		Request:    r,
	}, nil
}
