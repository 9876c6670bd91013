package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"net"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// unlimitedRate is a rate limit that no sender reaches.
const unlimitedRate = 1_000_000_000

// newFake returns an in-memory Trengo for config.
func newFake(config trengo.DestinationConfig) *trengotest.Server {
	kind := "EMAIL"
	if config.ChannelIdentifier == trengo.IdentifierPhone {
		kind = "WA_BUSINESS"
	}
	fake := trengotest.New()
	fake.SetRateLimit(unlimitedRate)
	fake.AddChannel(trengotest.Channel{ID: config.ChannelID, Type: kind})
	return fake
}

// newDemoSecret returns another secret each time. A sender that was set up for
// an earlier demo is refused: its real events must not get lost in a fake.
func newDemoSecret() string { return "Bearer " + rand.Text() }

func demoConfig() trengo.DestinationConfig {
	return trengo.DestinationConfig{
		ChannelID:      405980,
		EventTemplates: map[string]string{"Order Completed": "Order {{ order_id }}"},
	}
}

// printUsage prints a shell command that sends an event.
func printUsage(out io.Writer, secret string, addr net.Addr) {
	host, port, _ := net.SplitHostPort(addr.String())
	if net.ParseIP(host).IsUnspecified() {
		host = "localhost"
	}
	fmt.Fprintf(out, `TRENGO_API_TOKEN is not set, so an in-memory Trengo takes the place of the real
one. It forgets everything when this program ends. Try it:

  curl -H 'Authorization: %s' -H 'Content-Type: application/json' -d '
    {"type":"identify","messageId":"1","traits":{"email":"ann@example.com","name":"Ann Lee"}}
  ' http://%s/events

`, secret, net.JoinHostPort(host, port))
}
