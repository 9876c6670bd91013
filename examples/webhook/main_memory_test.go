package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/trengo-go/trengo/internal/testkit"
)

// peakMemory returns the most memory that the program had in MB.
func (p *process) peakMemory(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Skip("the operating system does not tell")
	}
	peak := regexp.MustCompile(`VmHWM:\s*(\d+) kB`).FindSubmatch(status)
	if peak == nil {
		t.Skip("the operating system does not tell")
	}
	kilobytes, err := strconv.Atoi(string(peak[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes >> 10
}

// largeEvent is an event of 4 MB whose traits repeat a value.
func largeEvent(kind string, number int, value string) string {
	head := fmt.Sprintf(`{"type":%q,"messageId":"m-%d","traits":{"email":"ann%d@example.com","x":[`, kind, number, number)
	const tail = `0]}}`
	value += ","
	return head + strings.Repeat(value, (4<<20-len(head)-len(tail))/len(value)) + tail
}

func gzipped(text string) string {
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return compressed.String()
}

// Forty events of 4 MB at once do not take gigabytes.
func TestProcess_memory(t *testing.T) {
	t.Parallel()
	if testkit.UnderRace {
		t.Skip("the race detector takes memory, too")
	}
	const (
		dense   = `{"":0}` // takes the most memory for its length
		product = `{"product_id":"507f1f77bcf86cd799439011","sku":"45790-32","name":"Monopoly: 3rd Edition","price":19.5,"position":1,"category":"Games"}`
	)
	for name, tt := range map[string]struct {
		kind  string
		limit int // MB
	}{
		"events that are skipped":  {"page", 300},
		"events that are acted on": {"identify", 600},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startProcess(t)
			fx := &fixture{url: "http://" + p.addr, secret: p.secret}
			var done, delayed atomic.Int32
			var senders sync.WaitGroup
			for i := range 40 {
				senders.Go(func() {
					event, header := largeEvent(tt.kind, i, [...]string{dense, product}[i%2]), []string(nil)
					if i%4 < 2 {
						event, header = gzipped(event), []string{"Content-Encoding", "gzip"}
					}
					switch status, response, err := fx.post(http.DefaultClient, event, header...); {
					case err != nil:
						t.Error(err)
					case status == http.StatusOK:
						done.Add(1)
					case status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests:
						delayed.Add(1)
					default:
						t.Errorf("%d %s", status, response)
					}
				})
			}
			senders.Wait()
			if peak := p.peakMemory(t); peak > tt.limit {
				t.Errorf("it took %d MB, want at most %d", peak, tt.limit)
			}
			if done.Load() == 0 || tt.kind == "page" && delayed.Load() > 0 {
				t.Errorf("%d events were done, %d delayed", done.Load(), delayed.Load())
			}
		})
	}
}
