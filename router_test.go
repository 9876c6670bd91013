package trengo_test

import (
	"bytes"
	"context"
	"hash/fnv"
	"io"
	"net/http"
	"sync"
	"time"
)

// The figures of rudder-server's router, as its source has them.
const (
	routerWorkers      = 64
	routerTimeout      = 10 * time.Second
	routerFirstBackoff = 10 * time.Second
	routerMaxBackoff   = 300 * time.Second
	routerRetryWindow  = 180 * time.Minute
	routerMinAttempts  = 3
	routerArray        = 100
	routerArrayWait    = 5 * time.Second
)

// A router delivers jobs as the router of rudder-server does to a webhook:
//
//   - routerWorkers workers, each with one request at a time. All jobs of a
//     user go to the same worker, by a hash of the user's ids. Ids that share
//     an e-mail are different users to it.
//   - The jobs of a user are delivered in their order. One that failed holds
//     back those after it until it is delivered or aborted. A worker goes on
//     with other users meanwhile.
//   - The sender hangs up after routerTimeout. That, and a connection that
//     cannot be made or breaks, counts as 504.
//   - 2xx is delivered. 408, 429 and 5xx are retried routerFirstBackoff later,
//     twice as long after each failure up to routerMaxBackoff, without jitter;
//     Retry-After is not read. Anything else is aborted at once.
//   - 5xx is aborted once the first attempt is over routerRetryWindow ago and
//     there were routerMinAttempts; 408 and 429 never are.
//   - With arrays, a request has up to routerArray jobs of one worker, or what
//     is there after routerArrayWait, and one status for all.
//
// Where the source leaves a choice, this is the harder one: a retry comes the
// moment it is due, so jobs that failed together come again together, and
// attempts that ended with 429 count towards routerMinAttempts and
// routerRetryWindow.
type router struct {
	transport http.RoundTripper
	arrays    bool

	workers [routerWorkers]routerWorker
	running sync.WaitGroup

	mu       sync.Mutex
	statuses map[int]int // how many requests ended with a status
	ended    []*routerJob
	drained  time.Time // when the last job ended
}

// A routerJob is an event on its way.
type routerJob struct {
	user string // anonymousId<<>>userId
	body []byte

	attempts int
	first    time.Time // the first attempt
	due      time.Time
	status   int // of the last attempt
}

// A routerWorker has the jobs of some users, in the order in which they came.
type routerWorker struct {
	mu     sync.Mutex
	jobs   []*routerJob
	closed bool
	more   chan struct{}
}

// start lets the workers work until all jobs have ended after close, or until
// the context ends.
func (r *router) start(ctx context.Context) {
	r.statuses = map[int]int{}
	for i := range r.workers {
		w := &r.workers[i]
		w.more = make(chan struct{}, 1)
		r.running.Go(func() { r.work(ctx, w) })
	}
}

func (r *router) enqueue(job *routerJob) {
	hash := fnv.New32a()
	_, _ = io.WriteString(hash, job.user)
	w := &r.workers[hash.Sum32()%routerWorkers]
	w.mu.Lock()
	w.jobs = append(w.jobs, job)
	w.mu.Unlock()
	w.wake()
}

// drain says that no more jobs come, and waits for the end of those there are.
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

func (w *routerWorker) wake() {
	select {
	case w.more <- struct{}{}:
	default:
	}
}

func (r *router) work(ctx context.Context, w *routerWorker) {
	most := 1
	if r.arrays {
		most = routerArray
	}
	for ctx.Err() == nil {
		jobs, wait, more := w.next(most)
		if !more {
			return
		}
		if len(jobs) > 0 && len(jobs) < most {
			time.Sleep(routerArrayWait)
			jobs, _, _ = w.next(most)
		}
		if len(jobs) > 0 {
			status := r.send(ctx, jobs)
			r.settle(w, jobs, status)
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-w.more:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// next returns the jobs of the next request, or how long to wait for one. There
// is no more if nothing is left and nothing comes.
func (w *routerWorker) next(most int) (jobs []*routerJob, wait time.Duration, more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	wait = time.Hour
	held := map[string]bool{}
	for _, job := range w.jobs {
		switch {
		case held[job.user]:
		case job.due.After(now):
			held[job.user] = true
			wait = min(wait, job.due.Sub(now))
		default:
			jobs = append(jobs, job)
		}
		if len(jobs) == most {
			break
		}
	}
	return jobs, wait, len(w.jobs) > 0 || !w.closed
}

// send makes one request and returns what its end counts as.
func (r *router) send(ctx context.Context, jobs []*routerJob) int {
	body := jobs[0].body
	if r.arrays {
		bodies := make([][]byte, len(jobs))
		for i, job := range jobs {
			bodies[i] = job.body
		}
		body = append(append([]byte{'['}, bytes.Join(bodies, []byte{','})...), ']')
	}
	ctx, hangUp := context.WithTimeout(ctx, routerTimeout)
	defer hangUp()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://events.example.com/rudderstack", bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "RudderLabs")
	began := time.Now()
	for _, job := range jobs {
		if job.attempts++; job.attempts == 1 {
			job.first = began
		}
	}
	resp, err := r.transport.RoundTrip(req)
	if err != nil {
		return http.StatusGatewayTimeout
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func (r *router) settle(w *routerWorker, jobs []*routerJob, status int) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	r.statuses[status]++
	over := map[*routerJob]bool{}
	for _, job := range jobs {
		job.status = status
		if job.shallRepeat(now) {
			job.due = now.Add(job.backoff())
			continue
		}
		over[job] = true
		r.ended = append(r.ended, job)
		r.drained = now
	}
	left := w.jobs[:0]
	for _, job := range w.jobs {
		if !over[job] {
			left = append(left, job)
		}
	}
	clear(w.jobs[len(left):])
	w.jobs = left
}

func (j *routerJob) shallRepeat(now time.Time) bool {
	switch {
	case j.status == http.StatusRequestTimeout, j.status == http.StatusTooManyRequests:
		return true
	case j.status >= http.StatusInternalServerError:
		return j.attempts < routerMinAttempts || now.Sub(j.first) <= routerRetryWindow
	default:
		return false
	}
}

func (j *routerJob) backoff() time.Duration {
	pause := routerFirstBackoff
	for range j.attempts - 1 {
		if pause *= 2; pause >= routerMaxBackoff {
			return routerMaxBackoff
		}
	}
	return pause
}

// left is how many jobs have not ended.
func (r *router) left() (n int) {
	for i := range r.workers {
		n += len(r.workers[i].jobs)
	}
	return n
}
