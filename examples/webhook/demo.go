package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"net"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// farBeyond is a rate limit that nobody reaches, so that nobody waits for a
// Trengo that is not there.
const farBeyond = 1_000_000_000

// useStandIn puts an in-memory Trengo in Trengo's place. Its secret is new
// each time: what was once set up for it does not send real events to it.
func (s *settings) useStandIn() {
	if s.configPath == "" {
		s.config = trengo.DestinationConfig{
			ChannelID:      405980,
			EventTemplates: map[string]string{"Order Completed": "Order {{ order_id }}"},
		}
	}
	kind := "EMAIL"
	if s.config.ChannelIdentifier == trengo.IdentifierPhone {
		kind = "WA_BUSINESS"
	}
	s.standIn = trengotest.New()
	s.standIn.SetRateLimit(farBeyond)
	s.standIn.AddChannel(trengotest.Channel{ID: s.config.ChannelID, Type: kind})
	s.secrets = []string{"Bearer " + rand.Text()}
}

// introduce prints what to try, in the words of a shell.
func introduce(out io.Writer, secret string, addr net.Addr) {
	host, port, _ := net.SplitHostPort(addr.String())
	if net.ParseIP(host).IsUnspecified() {
		host = "localhost"
	}
	fmt.Fprintf(out, `There is no TRENGO_API_TOKEN, so an in-memory Trengo takes the place of the real one.
It forgets everything when this program ends. Try it:

  curl -H 'Authorization: %s' -H 'Content-Type: application/json' -d '
    {"type":"identify","messageId":"1","traits":{"email":"ann@example.com","name":"Ann Lee"}}
  ' http://%s/events

`, secret, net.JoinHostPort(host, port))
}
