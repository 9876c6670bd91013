package trengo_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// processMessage's body is the code at the top of the package documentation.
func processMessage(ctx context.Context, token string, message []byte) error {
	client, err := trengo.NewClient(token)
	if err != nil {
		return err
	}
	destination, err := trengo.NewDestination(client, trengo.DestinationConfig{ChannelID: 405980})
	if err != nil {
		return err
	}
	event, err := trengo.ParseEvent(message)
	if err != nil {
		return err
	}
	result, err := destination.Process(ctx, event)
	fmt.Println(result.Action, result.Reason)
	return err
}

func Example_message() {
	// A page event is skipped without a request.
	err := processMessage(context.Background(), trengotest.Token, []byte(`{"type": "page"}`))
	fmt.Println(err)
	// Output:
	// skipped neither identify nor track
	// <nil>
}

func TestDoc_codeIsTested(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("doc_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(doc), "\n//\n//\t")
	code, _, _ = strings.Cut(code, "\n//\n")
	code = strings.ReplaceAll(code, "\n//", "\n")
	if !strings.Contains(code, "NewClient") || !strings.Contains(string(source), code) {
		t.Errorf("not in doc_test.go:\n%s", code)
	}
}
