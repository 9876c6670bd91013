package trengotest_test

import (
	"errors"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// The code of the package documentation stands in this file, where it is compiled
// beside the package under test, and run.
func TestPackageDocumentation(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("doc_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	for _, block := range new(comment.Parser).Parse(file.Doc.Text()).Content {
		code, isCode := block.(*comment.Code)
		if !isCode {
			continue
		}
		blocks++
		if !strings.Contains(string(source), "\n"+code.Text) {
			t.Errorf("doc_test.go lacks this code of doc.go:\n%s", code.Text)
		}
	}
	if blocks == 0 {
		t.Error("doc.go contains no code")
	}
}

func TestCreateTicket(t *testing.T) {
	t.Parallel()
	server := trengotest.New()
	channel := server.AddChannel(trengotest.Channel{Type: "EMAIL", Title: "Support"})
	contact := server.AddContact(trengotest.Contact{Email: "ann@example.com"})
	client, err := trengo.NewClient(trengotest.Token, trengo.WithHTTPClient(server.HTTPClient()))
	if err != nil {
		t.Fatal(err)
	}

	server.Inject(trengotest.LostAfter()) // the ticket is created, the response is lost
	_, err = client.Tickets.Create(t.Context(), trengo.TicketCreateParams{
		ContactID: contact.ID,
		ChannelID: channel.ID,
	})
	if !errors.Is(err, trengo.ErrOutcomeUnknown) {
		t.Errorf("got error %v, want ErrOutcomeUnknown", err)
	}
	if got := len(server.Tickets()); got != 1 {
		t.Errorf("got %d tickets, want 1", got)
	}
}

func TestGetContact(t *testing.T) {
	t.Parallel()
	server := trengotest.New()
	added := server.AddContact(trengotest.Contact{Email: "ann@example.com"})
	web := httptest.NewServer(server)
	defer web.Close()
	client, err := trengo.NewClient(trengotest.Token, trengo.WithBaseURL(web.URL+"/api/v2"))
	if err != nil {
		t.Fatal(err)
	}

	contact, err := client.Contacts.Get(t.Context(), added.ID)
	if err != nil {
		t.Fatal(err)
	}
	if contact.Email != added.Email {
		t.Errorf("got email %q, want %q", contact.Email, added.Email)
	}
}
