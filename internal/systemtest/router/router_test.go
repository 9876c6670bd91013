package router

import (
	"bytes"
	"context"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// The figures of rudder-server's router, from its source.
const (
	routerWorkers      = 64
	routerTimeout      = 10 * time.Second
	routerFirstBackoff = 10 * time.Second
	routerMaxBackoff   = 300 * time.Second
	routerRetryWindow  = 180 * time.Minute
	routerMinAttempts  = 3
	routerBatchSize    = 100
	routerBatchWait    = 5 * time.Second
)

// A router delivers jobs as the router of rudder-server does to a webhook:
//
//   - routerWorkers workers send one request at a time each. All jobs of a user
//     go to the same worker, by a hash of the user's IDs. Two user IDs that share
//     an email are different users to it.
//   - The jobs of a user are delivered in order. A job that failed holds back
//     the later ones of its user until it is delivered or aborted. Meanwhile the
//     worker continues with other users.
//   - The router closes the connection after routerTimeout. That counts as 504,
//     and so does a connection that cannot be made or breaks.
//   - 2xx is delivered. 408, 429 and 5xx are retried after routerFirstBackoff,
//     which doubles after each failure up to routerMaxBackoff, without jitter.
//     Retry-After is ignored. Anything else is aborted at once.
//   - 5xx is aborted after routerRetryWindow since the first attempt and
//     routerMinAttempts attempts. 408 and 429 are never aborted.
//   - With batches, a request has an array of up to routerBatchSize jobs of one
//     worker, or of those that exist after routerBatchWait. They share one
//     status.
//
// Where the source leaves a choice, this router takes the harder one: a retry
// comes the moment it is due, so jobs that failed together return together, and
// attempts that ended with 429 count towards routerMinAttempts and
// routerRetryWindow.
type router struct {
	transport http.RoundTripper
	batches   bool

	workers [routerWorkers]worker
	running sync.WaitGroup

	mu       sync.Mutex
	statuses map[int]int // number of requests by status
	ended    []*job
	drained  time.Time // when the last job ended
}

// A job is an event to deliver.
type job struct {
	user string // anonymousId<<>>userId
	body []byte

	attempts int
	first    time.Time // the first attempt
	due      time.Time
	status   int // of the last attempt
}

// A worker has the jobs of some users, in the order of their arrival.
type worker struct {
	mu      sync.Mutex
	jobs    []*job
	closed  bool
	changed chan struct{}
	// lag delays each request by less than a millisecond, and by another time for
	// each worker. Requests of the same instant would arrive in another order, and
	// with other figures, in each run.
	lag time.Duration
}

// start starts the workers. They end when all jobs have ended after drain, or
// when the context does.
func (r *router) start(ctx context.Context) {
	r.statuses = map[int]int{}
	lags := rand.New(rand.NewPCG(7, 7)) // with typical figures
	for i := range r.workers {
		w := &r.workers[i]
		w.changed = make(chan struct{}, 1)
		w.lag = time.Duration(lags.Int64N(int64(time.Millisecond)))
		r.running.Go(func() { r.work(ctx, w) })
	}
}

func (r *router) enqueue(j *job) {
	hash := fnv.New32a()
	_, _ = io.WriteString(hash, j.user)
	w := &r.workers[hash.Sum32()%routerWorkers]
	w.mu.Lock()
	w.jobs = append(w.jobs, j)
	w.mu.Unlock()
	w.wake()
}

// drain waits until all jobs have ended. No job may be enqueued after it.
func (r *router) drain() {
	for i := range r.workers {
		w := &r.workers[i]
		w.mu.Lock()
		w.closed = true
		w.mu.Unlock()
		w.wake()
	}
	r.running.Wait()
}

func (w *worker) wake() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

func (r *router) work(ctx context.Context, w *worker) {
	size := 1
	if r.batches {
		size = routerBatchSize
	}
	for ctx.Err() == nil {
		jobs, wait, more := w.next(size)
		if !more {
			return
		}
		if len(jobs) > 0 && len(jobs) < size {
			time.Sleep(routerBatchWait)
			jobs, _, _ = w.next(size)
		}
		if len(jobs) > 0 {
			time.Sleep(w.lag)
			status := r.send(ctx, jobs)
			r.finish(w, jobs, status)
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-w.changed:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// next returns the jobs of the next request, or how long to wait for one. It
// reports no more jobs once none is left and none can come.
func (w *worker) next(size int) (jobs []*job, wait time.Duration, more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	wait = time.Hour
	held := map[string]bool{}
	for _, j := range w.jobs {
		switch {
		case held[j.user]:
		case j.due.After(now):
			held[j.user] = true
			wait = min(wait, j.due.Sub(now))
		default:
			jobs = append(jobs, j)
		}
		if len(jobs) == size {
			break
		}
	}
	return jobs, wait, len(w.jobs) > 0 || !w.closed
}

// send makes one request and returns its status.
func (r *router) send(ctx context.Context, jobs []*job) int {
	body := jobs[0].body
	if r.batches {
		bodies := make([][]byte, len(jobs))
		for i, j := range jobs {
			bodies[i] = j.body
		}
		body = append(append([]byte{'['}, bytes.Join(bodies, []byte{','})...), ']')
	}
	ctx, cancel := context.WithTimeout(ctx, routerTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://events.example.com/rudderstack", bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "RudderLabs")
	began := time.Now()
	for _, j := range jobs {
		if j.attempts++; j.attempts == 1 {
			j.first = began
		}
	}
	resp, err := r.transport.RoundTrip(req)
	if err != nil {
		return http.StatusGatewayTimeout
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// finish removes the jobs of a request that ended from their worker, and
// schedules the others.
func (r *router) finish(w *worker, jobs []*job, status int) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	r.statuses[status]++
	ended := map[*job]bool{}
	for _, j := range jobs {
		j.status = status
		if j.retries(now) {
			j.due = now.Add(j.backoff())
			continue
		}
		ended[j] = true
		r.ended = append(r.ended, j)
		r.drained = now
	}
	remaining := w.jobs[:0]
	for _, j := range w.jobs {
		if !ended[j] {
			remaining = append(remaining, j)
		}
	}
	clear(w.jobs[len(remaining):])
	w.jobs = remaining
}

// retries reports whether the job is delivered again after its last status.
func (j *job) retries(now time.Time) bool {
	switch {
	case j.status == http.StatusRequestTimeout, j.status == http.StatusTooManyRequests:
		return true
	case j.status >= http.StatusInternalServerError:
		return j.attempts < routerMinAttempts || now.Sub(j.first) <= routerRetryWindow
	default:
		return false
	}
}

func (j *job) backoff() time.Duration {
	pause := routerFirstBackoff
	for range j.attempts - 1 {
		if pause *= 2; pause >= routerMaxBackoff {
			return routerMaxBackoff
		}
	}
	return pause
}

// remaining returns how many jobs have not ended.
func (r *router) remaining() (n int) {
	for i := range r.workers {
		n += len(r.workers[i].jobs)
	}
	return n
}
