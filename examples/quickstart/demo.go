package main

import (
	"bytes"
	"embed"
	"encoding/json"
	"io"
	"strconv"
	"strings"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// The bundled events have the shapes that the web, Android, iOS, server and
// reverse-ETL sources of RudderStack send. A few are bad, to show what happens
// then.
//
//go:embed bundle
var bundle embed.FS

func bundledRuns() []batch {
	return []batch{
		bundled("Support by e-mail", "email"),
		bundled("Support by WhatsApp", "whatsapp"),
	}
}

func bundled(title, name string) batch {
	b := batch{title: title, events: io.NopCloser(bytes.NewReader(bundledFile(name + ".jsonl")))}
	if err := json.Unmarshal(bundledFile(name+".json"), &b.config); err != nil {
		panic(err)
	}
	return b
}

func bundledFile(name string) []byte {
	data, err := bundle.ReadFile("bundle/" + name)
	if err != nil {
		panic(err)
	}
	return data
}

// A demoServer is the in-memory Trengo that stands in for an account.
type demoServer struct {
	trengo   *trengotest.Server
	kind     string // of its channels
	channels map[int64]bool
	contacts map[int64]bool
}

// farBeyond is a rate limit that no file of events reaches, so that nobody
// waits for a Trengo that is not there.
const farBeyond = 1_000_000

func newDemoServer(config trengo.DestinationConfig) *demoServer {
	d := &demoServer{trengo: trengotest.New(), kind: "EMAIL", channels: map[int64]bool{}, contacts: map[int64]bool{}}
	d.trengo.SetRateLimit(farBeyond)
	if config.ChannelIdentifier == trengo.IdentifierPhone {
		d.kind = "WA_BUSINESS"
		d.addChannel(config.ChannelID)
		return d
	}
	d.addChannel(config.ChannelID)
	// Joann's address has Ann's within it: a search for Ann finds Joann.
	for _, contact := range []trengotest.Contact{
		{ID: 460000001, Name: "Joann Miles", Email: "joann@example.com"},
		{ID: 460000002, Name: "Ben Ortiz", Email: "ben@example.com"},
		{ID: 460000011, Name: "Noor", Email: "noor@example.com"},
	} {
		contact.ChannelIDs = []int64{config.ChannelID}
		d.trengo.AddContact(contact)
		d.contacts[contact.ID] = true
	}
	return d
}

func (d *demoServer) token() string { return trengotest.Token }

func (d *demoServer) option() trengo.Option { return trengo.WithHTTPClient(d.trengo.HTTPClient()) }

func (d *demoServer) addChannel(id int64) {
	d.trengo.AddChannel(trengotest.Channel{ID: id, Type: d.kind, Title: "Channel " + strconv.FormatInt(id, 10)})
	d.channels[id] = true
}

// provideFor makes the channels and contacts that an event names, as they
// would be there at the account of whoever sends such events.
func (d *demoServer) provideFor(event *trengo.Event) {
	for _, external := range event.Context.ExternalIDs {
		id, err := strconv.ParseInt(strings.TrimSpace(external.ID), 10, 64)
		if err != nil || id <= 0 {
			continue
		}
		switch {
		case external.Type == "trengoChannelId" && !d.channels[id]:
			d.addChannel(id)
		case external.Type == "trengoContactId" && !d.contacts[id]:
			d.trengo.AddContact(trengotest.Contact{ID: id})
			d.contacts[id] = true
		}
	}
}
