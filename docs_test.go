package trengo_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// The code in docs is in these files, so it compiles and runs.
var docsCode = []string{"docs_test.go", "trengophone/example_test.go"}

func TestDocs_codeIsTested(t *testing.T) {
	var tested strings.Builder
	for _, name := range docsCode {
		tested.WriteString(unindented(readText(t, name)))
	}
	for _, page := range pagesOf(t, os.DirFS("docs"), ".") {
		for _, block := range strings.Split(readText(t, path.Join("docs", page)), "```go\n")[1:] {
			code, _, _ := strings.Cut(block, "```")
			if !strings.Contains(tested.String(), unindented(code)) {
				t.Errorf("%s: not in the tested source:\n%s", page, code)
			}
		}
	}
}

// unindented returns text without the tabs in front of its lines.
func unindented(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimLeft(line, "\t")
	}
	return strings.Join(lines, "\n")
}

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func pagesOf(t *testing.T, root fs.FS, dir string) []string {
	t.Helper()
	pages, err := fs.Glob(root, path.Join(dir, "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	return pages
}

func TestDocs_keys(t *testing.T) {
	cfg := trengo.DestinationConfig{
		ChannelID:  405980,
		EmailKeys:  []string{"email", "contact.email"},
		PhoneKeys:  []string{"phone", "mobile"},
		BarePhones: trengo.BarePhonesRefuse,
	}
	d := fixtures.NewDeployment(t, func(own *trengo.DestinationConfig) { own.EmailKeys = cfg.EmailKeys })
	d.MustProcess(&trengo.Event{Type: "identify", Traits: map[string]any{"contact": map[string]any{"email": fixtures.AnnEmail}}})
	if email := d.Contacts()[0].Email; email != fixtures.AnnEmail {
		t.Errorf("email %q", email)
	}
}

// release lets tickets be created for a contact again. Somebody has looked whether
// the one of unknown outcome exists.
func release(destination *trengo.Destination, contactID int64) {
	if !destination.Resolve(contactID) {
		fmt.Println("no ticket of the contact has an unknown outcome")
	}
}

func Example_release() {
	release(new(trengo.Destination), 460000001)
	// Output: no ticket of the contact has an unknown outcome
}

// store keeps the events of a request as they were sent, and says which parts of it
// are not events.
func store(body []byte, keep func(event json.RawMessage)) error {
	var mistakes []error
	for event, err := range trengo.SplitEvents(body) {
		if err != nil {
			mistakes = append(mistakes, err)
			continue
		}
		keep(event)
	}
	return errors.Join(mistakes...)
}

func Example_store() {
	err := store([]byte(`{"batch": [{"type": "page"}, 5]}`), func(event json.RawMessage) {
		fmt.Println(string(event))
	})
	fmt.Println(err)
	// Output:
	// {"type": "page"}
	// trengo: invalid event: it is not a JSON object
}

func TestDocs_config(t *testing.T) {
	var cfg trengo.DestinationConfig
	err := json.Unmarshal([]byte(`{"destination": {"config": {
		"channel_id": "405980",
		"event_template_map": [{"from": "Order Completed", "to": "Order {{ order_id }}"}]
	}}}`), &cfg)
	if err != nil || cfg.ChannelID != 405980 || len(cfg.EventTemplates) != 1 {
		t.Errorf("%+v, %v", cfg, err)
	}
}

func newPingingClient(token string) (*trengo.Client, error) {
	hc := &http.Client{Transport: &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		IdleConnTimeout: 50 * time.Second,
		HTTP2:           &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
	}}
	client, err := trengo.NewClient(token, trengo.WithHTTPClient(hc))
	return client, err
}

func TestDocs_transport(t *testing.T) {
	if _, err := newPingingClient(trengotest.Token); err != nil {
		t.Error(err)
	}
}

func TestDocs_retryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := fmt.Errorf("wrapped: %w", &trengo.Error{StatusCode: http.StatusTooManyRequests, RetryAfter: time.Minute})
		var failed *trengo.Error
		if errors.As(err, &failed) && errors.Is(err, trengo.ErrRateLimited) {
			time.Sleep(failed.RetryAfter)
		}
		if waited := time.Since(began); waited != time.Minute {
			t.Errorf("waited %s", waited)
		}
	})
}

func TestDocs_linksLeadSomewhere(t *testing.T) {
	root := os.DirFS(".")
	for _, page := range slices.Concat(pagesOf(t, root, "."), pagesOf(t, root, "docs")) {
		for _, link := range brokenLinks(t, root, page) {
			t.Errorf("%s: the link to %s does not lead anywhere", page, link)
		}
	}
}

func TestDocs_brokenLinksAreFound(t *testing.T) {
	root := fstest.MapFS{
		"README.md": {Data: []byte("# One\n[a](docs/b.md) [b](docs/b.md#two-words-1) [c](#one) [d](https://example.com/x)\n" +
			"[e](docs/c.md) [f](docs/b.md#three) [g](#two) [h](../x.md)\n`[i](code)`\n```\n[j](code)\n```\n")},
		"docs/b.md": {Data: []byte("## Two `words`!\n\n## Two words\n```\n# three\n```\n[k](../README.md) [l](b.md#two-words) [m](README.md)\n")},
	}
	for page, want := range map[string][]string{
		"README.md": {"docs/c.md", "docs/b.md#three", "#two", "../x.md"},
		"docs/b.md": {"README.md"},
	} {
		if diff := cmp.Diff(want, brokenLinks(t, root, page)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", page, diff)
		}
	}
}

var (
	codeBlock  = regexp.MustCompile("(?ms)^```.*?^```$")
	inlineCode = regexp.MustCompile("`[^`\n]*`")
	linkTarget = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	heading    = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// brokenLinks returns the links of a page within the repository that do not lead to
// a file or to a heading.
func brokenLinks(t *testing.T, root fs.FS, page string) (broken []string) {
	t.Helper()
	text := inlineCode.ReplaceAllString(withoutCodeBlocks(t, root, page), "")
	for _, found := range linkTarget.FindAllStringSubmatch(text, -1) {
		link := found[1]
		if strings.Contains(link, "://") {
			continue
		}
		file, anchor, hasAnchor := strings.Cut(link, "#")
		target := page
		if file != "" {
			target = path.Join(path.Dir(page), file)
		}
		if _, err := fs.Stat(root, target); err != nil || hasAnchor && !slices.Contains(anchorsOf(t, root, target), anchor) {
			broken = append(broken, link)
		}
	}
	return broken
}

func withoutCodeBlocks(t *testing.T, root fs.FS, page string) string {
	t.Helper()
	text, err := fs.ReadFile(root, page)
	if err != nil {
		t.Fatal(err)
	}
	return codeBlock.ReplaceAllString(string(text), "")
}

// anchorsOf returns the anchors that GitHub gives to the headings of a page.
func anchorsOf(t *testing.T, root fs.FS, page string) (anchors []string) {
	t.Helper()
	seen := make(map[string]int)
	for _, found := range heading.FindAllStringSubmatch(withoutCodeBlocks(t, root, page), -1) {
		anchor := strings.Map(anchorRune, strings.ToLower(found[1]))
		if n := seen[anchor]; n > 0 {
			anchors = append(anchors, anchor+"-"+strconv.Itoa(n))
		} else {
			anchors = append(anchors, anchor)
		}
		seen[anchor]++
	}
	return anchors
}

func anchorRune(r rune) rune {
	switch {
	case r == ' ':
		return '-'
	case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
		return r
	}
	return -1
}
