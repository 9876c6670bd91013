package limit

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
)

// stating lets responses state another limit than the server's.
type stating struct {
	http.RoundTripper
	limit func(r *http.Request) int // zero means the server's
}

func (s stating) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if limit := s.limit(r); limit > 0 {
		resp.Header.Set("X-RateLimit-Limit", strconv.Itoa(limit))
		resp.Header.Set("X-RateLimit-Remaining", "0")
	}
	return resp, nil
}

// One route states a limit of its own, and a gateway states another one from
// time to time. The calls together use the limit, and keep to it.
func TestLimit_routeWithLimitOfItsOwn(t *testing.T) {
	t.Parallel()
	const length = 10 * time.Minute
	for name, limit := range map[string]func(n int64, r *http.Request) int{
		"lower": func(_ int64, r *http.Request) int {
			if strings.HasPrefix(r.URL.Path, "/api/v2/contacts/") {
				return 40
			}
			return 0
		},
		"of a gateway": func(n int64, _ *http.Request) int {
			if n%50 == 0 {
				return 1
			}
			return 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			atAlignments(t, 5*time.Second, func(s *situation) {
				var n atomic.Int64
				client := fixtures.NewClient(s.t, stating{s.Fixture, func(r *http.Request) int { return limit(n.Add(1), r) }})
				var b backlog
				var wg sync.WaitGroup
				began := time.Now()
				for worker := range 30 {
					wg.Go(func() {
						for i := worker; time.Since(began) < length; i++ {
							path := []string{"/labels", "/tickets", fmt.Sprintf("/contacts/%d", 1+i)}[i%3]
							_ = client.Do(s.t.Context(), trengo.Request{Path: path}, nil)
							b.note()
						}
					})
				}
				wg.Wait()
				most := serverLimit * length.Seconds() / (serverWindow + s.roundTrip).Seconds()
				used := float64(b.between(time.Time{}, began.Add(length))) / most
				s.figures.add(100*used, "% of the limit")
				if used < 0.99 {
					s.Errorf("%.1f %% of the limit, want 99 %%", 100*used)
				}
				if n := s.refused(); n > 0 {
					s.Errorf("%d 429s", n)
				}
			})
		})
	}
}

// A limit that is lowered is kept: once two routes have stated it, or, if only one
// is used, once it has been enforced.
func TestLimit_loweredByServer(t *testing.T) {
	t.Parallel()
	for name, paths := range map[string][]string{
		"one route":  {"/contacts/1", "/contacts/2"},
		"two routes": {"/contacts", "/tickets"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			atAlignments(t, 5*time.Second, func(s *situation) {
				client := s.NewClient(trengo.WithMaxRetries(100))
				time.AfterFunc(5*time.Minute, func() { s.SetRateLimit(60) })
				var wg sync.WaitGroup
				began := time.Now()
				for range 10 {
					wg.Go(func() {
						for i := 0; time.Since(began) < 10*time.Minute; i++ {
							_ = client.Do(s.t.Context(), trengo.Request{Path: paths[i%len(paths)]}, nil)
						}
					})
				}
				wg.Wait()
				s.figures.add(float64(s.refused()), "429s")
				s.checkRefused()
				requests := testkit.CountStatus(s.Server, http.StatusOK) + testkit.CountStatus(s.Server, http.StatusNotFound)
				s.figures.add(float64(requests)/10, "responses a minute")
			})
		})
	}
}
