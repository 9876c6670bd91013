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
)

// An estimate is what a replay would take, without asking Trengo: to look for
// 100,000 people would take it 14 hours.
//
// At least each person is searched for once, and Trengo knows everybody by the
// name that the events say. At most it knows nobody, or everybody by another
// name, and who comes again after DestinationConfig.PeopleTTL is searched for again.
// Neither knows of retries, pages, and what else shares the token.
type estimate struct {
	events, skipped, hopeless, people, tickets int

	least, most int // requests
}

// A planner estimates. It has a Destination interpret the events, so that who
// is who and what is skipped is as in the replay, in a world without contacts
// in which each event names its person by creating them.
type planner struct {
	destination *trengo.Destination
	config      trengo.DestinationConfig
	memory      int // how many requests later a person is searched for again
	seed        maphash.Seed
	people      map[uint64]planned // by hash
	estimate    estimate
}

// planned is what a Destination would know of a person.
type planned struct {
	name  uint64 // its hash; 0: not known
	until int    // which request, at most
}

func newPlanner(config trengo.DestinationConfig, perMinute int) (*planner, error) {
	client, err := trengo.NewClient("none", trengo.WithHTTPClient(&http.Client{Transport: nobody{}}))
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
		people:      map[uint64]planned{},
	}, nil
}

// nobody is a Trengo without contacts and without a rate limit to speak of.
type nobody struct{}

func (nobody) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{"Content-Type": {"application/json"}, "X-Ratelimit-Limit": {"1000000000"}},
		Body:       io.NopCloser(strings.NewReader(`{"data":[]}`)),
		Request:    r,
	}, nil
}

func (p *planner) add(text []byte) {
	p.estimate.events++
	event, err := trengo.ParseEvent(text)
	var plan trengo.Plan
	if err == nil {
		plan, err = p.destination.Plan(context.Background(), event)
	}
	switch {
	case err != nil:
		p.estimate.hopeless++
	case plan.Action == trengo.ActionSkipped:
		p.estimate.skipped++
	default:
		p.count(plan)
	}
}

// count adds the requests of an event of somebody.
func (p *planner) count(plan trengo.Plan) {
	if len(plan.Writes) == 0 {
		return // a contact that the sender named, and nothing to say of it
	}
	first := plan.Writes[0]
	var body struct {
		Identifier string `json:"identifier"`
		Name       string `json:"name"`
		ContactID  int64  `json:"contact_id"`
	}
	// The body was made by encoding/json; what is not in it is empty.
	_ = json.Unmarshal(first.Body, &body)
	opensTicket := plan.Action == trengo.ActionTicketCreated
	named := body.Identifier == ""
	identifier := body.Identifier
	if p.config.ChannelIdentifier == trengo.IdentifierPhone {
		identifier = strings.TrimPrefix(identifier, "+") // with or without, it is one person's
	}
	who := first.Path + " " + identifier
	if named && opensTicket {
		who = fmt.Sprintf("/contacts/%d ", body.ContactID)
	}
	key := maphash.String(p.seed, who)
	person, seen := p.people[key]
	searches := !named && (opensTicket || !p.config.AllowDuplicates)
	switch {
	case !seen && searches:
		p.surely()
	case searches && p.estimate.most > person.until:
		p.perhaps()
	}
	if !seen {
		p.estimate.people++
	}
	if !seen || p.estimate.most > person.until {
		person.until = p.estimate.most + p.memory
	}
	if opensTicket {
		p.openTicket(!seen && !named && p.config.CreateMissingContacts)
	} else {
		person.name = p.identify(person.name, body.Name, !seen, named)
	}
	p.people[key] = person
}

// surely and perhaps add a request.
func (p *planner) surely() {
	p.estimate.least++
	p.estimate.most++
}

func (p *planner) perhaps() { p.estimate.most++ }

func (p *planner) openTicket(mayCreate bool) {
	if p.estimate.tickets == 0 {
		p.surely() // the list of older tickets
	}
	p.estimate.tickets++
	p.surely()
	if mayCreate {
		p.perhaps()
	}
}

// identify returns the hash of the name by which the person is known then.
func (p *planner) identify(known uint64, name string, isFirst, named bool) uint64 {
	if p.config.AllowDuplicates && !named {
		p.surely()
		return known
	}
	next := known
	if name != "" {
		next = maphash.String(p.seed, name) | 1 // never 0
	}
	switch {
	case named && next != known:
		p.surely() // whose name is not read
	case known == 0 && (isFirst || next != 0):
		p.perhaps() // perhaps they are known by that name
	case next != known:
		p.surely()
	}
	return next
}

func (e estimate) print(out io.Writer, before, perMinute int) {
	rows := []struct {
		label string
		n     int
	}{
		{"events to replay", e.events},
		{"done before", before},
		{"skipped", e.skipped},
		{"will fail", e.hopeless},
		{"people", e.people},
		{"tickets", e.tickets},
		{"API requests, at least", e.least},
		{"API requests, at most", e.most},
	}
	for _, row := range rows {
		fmt.Fprintf(out, "      %-25s %8d\n", row.label, row.n)
	}
	fmt.Fprintf(out, "      %-25s %8s to %s\n", fmt.Sprintf("time at %d a minute", perMinute),
		timeFor(float64(e.least), perMinute), timeFor(float64(e.most), perMinute))
	fmt.Fprint(out, `
The least is if Trengo knows everybody by the names in the events, and each is
searched for once. The most is if it knows nobody, or everybody by other names,
and who comes again later than -remember is searched for again. Retries, and what
a run that goes on has to read again, are not in it.
`)
}
