package main

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"unicode"

	"github.com/trengo-go/trengo"
)

// A printer shows what becomes of events, and counts.
type printer struct {
	out  io.Writer
	plan bool

	requests   atomic.Int64
	number     int // of the event in its batch
	events     int
	failed     int
	duplicates int
	actions    map[trengo.Action]int
}

func (p *printer) heading(title string, config trengo.DestinationConfig) {
	if p.events > 0 {
		fmt.Fprintln(p.out)
	}
	p.number = 0
	fmt.Fprintf(p.out, "%s (channel %d, by %s)\n\n", title, config.ChannelID, orEmail(config.ChannelIdentifier))
}

func orEmail(identifier trengo.ChannelIdentifier) trengo.ChannelIdentifier {
	if identifier == "" {
		return trengo.IdentifierEmail
	}
	return identifier
}

func (p *printer) event(event *trengo.Event, plan trengo.Plan, err error) {
	p.count(plan.Result, err)
	outcome, detail := strings.ReplaceAll(string(plan.Action), "_", " "), plan.Reason
	if plan.Duplicate {
		detail = "handled before"
	}
	if err != nil {
		outcome, detail = "FAILED", strings.TrimPrefix(err.Error(), "trengo: ")
	}
	p.line(printable(event.Type+" "+event.Event), outcome, idOf("contact", plan.ContactID), idOf("ticket", plan.TicketID), detail)
	for _, write := range plan.Writes {
		fmt.Fprintf(p.out, "      %s %s %s\n", write.Method, write.Path, write.Body)
	}
}

func (p *printer) unreadable(err error) {
	p.count(trengo.Result{}, err)
	p.line("", "FAILED", "", "", strings.TrimPrefix(err.Error(), "trengo: "))
}

func (p *printer) line(event, outcome, contact, ticket, detail string) {
	line := fmt.Sprintf("%4d  %-25s %-18s %-18s %-18s %s", p.number, event, outcome, contact, ticket, detail)
	fmt.Fprintln(p.out, strings.TrimRight(line, " "))
}

// printable keeps a name within its column, and out of the terminal's control.
func printable(name string) string {
	const column = 25
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, name)
	if runes := []rune(name); len(runes) > column {
		return string(runes[:column-1]) + "…"
	}
	return name
}

func idOf(kind string, id int64) string {
	if id == 0 {
		return ""
	}
	return fmt.Sprintf("%s %d", kind, id)
}

func (p *printer) count(result trengo.Result, err error) {
	p.number++
	p.events++
	switch {
	case err != nil:
		p.failed++
		return
	case result.Duplicate:
		p.duplicates++
		return
	}
	if p.actions == nil {
		p.actions = map[trengo.Action]int{}
	}
	p.actions[result.Action]++
}

// tickets shows the subjects that the templates made.
func (p *printer) tickets(demo *demoServer) {
	tickets := demo.trengo.Tickets()
	if len(tickets) == 0 {
		return
	}
	fmt.Fprintf(p.out, "\nTickets in the in-memory Trengo\n\n")
	for _, ticket := range tickets {
		subject := ticket.Subject
		if subject == "" {
			subject = "(no subject)"
		}
		fmt.Fprintf(p.out, "      ticket %d  contact %d  channel %d  %s\n", ticket.ID, ticket.ContactID, ticket.ChannelID, subject)
	}
}

func (p *printer) summary() {
	fmt.Fprintf(p.out, "\nSummary\n\n")
	rows := []struct {
		label string
		n     int
	}{
		{"events", p.events},
		{"contacts created", p.actions[trengo.ActionContactCreated]},
		{"contacts updated", p.actions[trengo.ActionContactUpdated]},
		{"contacts unchanged", p.actions[trengo.ActionContactUnchanged]},
		{"tickets", p.actions[trengo.ActionTicketCreated]},
		{"handled before", p.duplicates},
		{"skipped", p.actions[trengo.ActionSkipped]},
		{"failed", p.failed},
		{"API requests", int(p.requests.Load())},
	}
	for _, row := range rows {
		fmt.Fprintf(p.out, "      %-20s %6d\n", row.label, row.n)
	}
	if p.events > 0 {
		fmt.Fprintf(p.out, "      %-20s %6.2f\n", "requests per event", float64(p.requests.Load())/float64(p.events))
	}
}
