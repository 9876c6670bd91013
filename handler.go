package trengo

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// A HandlerConfig says whom a handler of [NewHandler] trusts and how it
// answers.
type HandlerConfig struct {
	// Secrets are the values that SecretHeader may have, each as a whole:
	// with its scheme, if the sender puts one before it, as in "Bearer s3cret".
	// Several let a secret be rotated without losing an event. They are
	// compared in constant time.
	Secrets []string

	// SecretHeader is the header that holds the secret. Empty stands for
	// Authorization.
	SecretHeader string

	// SigningSecret is the shared secret of senders that sign, as Segment and
	// Customer.io do: X-Signature is the HMAC-SHA1 of the decompressed body, in
	// hexadecimal digits. A request needs either a secret or a signature. A signature of
	// the first event of an array alone, which Segment's older batches have, is
	// refused.
	SigningSecret string

	// AllowUnauthenticated lets everybody in. Without it, NewHandler insists on Secrets or
	// a SigningSecret.
	AllowUnauthenticated bool

	// Timeout is how long a delivery may take from the moment at which its
	// header was read. 0 stands for 8 seconds: RudderStack gives up after 10,
	// and delivers again what may have been done.
	Timeout time.Duration

	// MaxBodyBytes bounds the body in bytes, before and after it is decompressed.
	// 0 stands for 4 MB. JSON that is read can take fifty times its length in
	// memory.
	MaxBodyBytes int64

	// RetryContactNotFound answers 503 instead of 400 to an event that ends
	// with [ErrContactNotFound]: the identify that creates the contact may be
	// on its way, because RudderStack keeps the order of a user id and not of
	// a person. If it comes later under the same user id, RudderStack holds it
	// back until the event is given up, after three hours: where that happens,
	// [DestinationConfig.CreateMissingContacts] is better.
	RetryContactNotFound bool

	// DelayRateLimited answers 429 when the Timeout is used up instead of at once
	// (to an array, at some moment before). RudderStack puts a refused event
	// off for up to five minutes, and its workers take up the next: answered
	// at once they run through all that wait, and then Trengo is idle. Holding
	// them makes a backlog drain up to three times as fast, at the price of
	// requests that stay open.
	DelayRateLimited bool

	// OnOutcome, if set, is told how each event ended and which status it has,
	// before the answer is sent: for a dead-letter queue, metrics or an audit
	// log. Index is the place in the delivered array. Event is nil if it could
	// not be read. An event that was held back behind a failed one of the same
	// person has that one's error. What is delivered again is told again.
	// Called concurrently for different requests, so it must be quick: the
	// sender waits.
	OnOutcome func(outcome Outcome, status int)
}

const (
	defaultSecretHeader = "Authorization"
	defaultBudget       = 8 * time.Second
	defaultMaxBody      = 4 << 20
)

// NewHandler makes a handler that takes events over HTTP, as RudderStack's
// Webhook and HTTP Webhook destinations send them: a POST of one event, or of
// an array of them, as JSON. It answers when all is done, within
// [HandlerConfig.Timeout], and works on nothing afterwards. The status is
// chosen so that RudderStack neither loses an event nor repeats one in vain:
//
//	200  done, done before, or skipped
//	400  this will fail again: the event cannot be read or has no identifier,
//	     the contact is unknown or ambiguous, Trengo refuses it
//	429  the rate limit leaves no room in time; no ticket was sent, and a
//	     contact that was created on the way is found the next time
//	503  Trengo is down or refuses the token, or the outcome is not known
//	500  a panic, such as of [DestinationConfig.NormalizePhone]
//
// An array has one status for all, because all of it is delivered again: 429
// if any event has that, else 503 or 500, else 400, else 200. What was done is
// not done again if it has a messageId, and what failed for good, or of an
// unknown contact, is answered from memory for an hour. Events of one
// person are handled in the order of the array; if one is to be delivered
// again, those after it are held back, so that they do not overtake it, unless
// they may create the contact that it waits for. Different people's are handled
// at the same time, [DestinationConfig.Concurrency] of them.
//
// What never reaches an event: 401 (wrong secret or signature), 405 (no POST),
// 408 (the body did not come within the budget), 413 (the body, or the number
// of events over 1000), 415 (neither JSON nor gzipped JSON), 400 (broken JSON
// or gzip).
//
// The body of an answer is a line of JSON with the status and the reason, for
// an array those of each event, and never personal data. A Retry-After header
// says when there is room again, if that is known; RudderStack has its own
// intervals.
//
// The error names everything that is missing or contradictory in cfg at once.
// The handler is safe for concurrent use. Routes, TLS, timeouts for slow
// senders' headers and a graceful shutdown are the server's. A ResponseWriter
// that is wrapped needs an Unwrap method, or nothing bounds how long a body may
// take: see [http.ResponseController].
func NewHandler(d *Destination, cfg HandlerConfig) (http.Handler, error) {
	var noDestination error
	if d == nil {
		noDestination = errors.New("the destination is nil")
	}
	if err := errors.Join(noDestination, cfg.check()); err != nil {
		return nil, fmt.Errorf("trengo: invalid handler: %w", err)
	}
	h := &handler{destination: d, cfg: cfg, failures: newCache[fingerprint, error](maxFailures, failureTTL)}
	for _, secret := range cfg.Secrets {
		h.secrets = append(h.secrets, sha256.Sum256([]byte(secret)))
	}
	return h, nil
}

func (cfg *HandlerConfig) check() error {
	mistakes := []error{
		setDefault(&cfg.Timeout, defaultBudget, "Timeout"),
		setDefault(&cfg.MaxBodyBytes, defaultMaxBody, "MaxBodyBytes"),
	}
	if cfg.SecretHeader != "" && len(cfg.Secrets) == 0 {
		mistakes = append(mistakes, errors.New("SecretHeader is set, and Secrets is empty"))
	}
	if cfg.SecretHeader == "" {
		cfg.SecretHeader = defaultSecretHeader
	}
	if !isHeaderName(cfg.SecretHeader) {
		mistakes = append(mistakes, errors.New("SecretHeader is no name of a header"))
	}
	for i, secret := range cfg.Secrets {
		if !isHeaderValue(secret) {
			mistakes = append(mistakes, fmt.Errorf("secret %d is empty or cannot be the value of a header", i))
		}
	}
	secured := len(cfg.Secrets) > 0 || cfg.SigningSecret != ""
	switch {
	case cfg.AllowUnauthenticated && secured:
		mistakes = append(mistakes, errors.New("a secret is set, and so is AllowUnauthenticated"))
	case !cfg.AllowUnauthenticated && !secured:
		mistakes = append(mistakes, errors.New("there are neither Secrets nor a SigningSecret; AllowUnauthenticated would let everybody in"))
	}
	return errors.Join(mistakes...)
}

type handler struct {
	destination *Destination
	cfg         HandlerConfig
	secrets     [][sha256.Size]byte
	// failures is how events ended that came in an array and failed for good.
	// An array comes again as a whole until all its events have ended: without
	// this each delivery would spend their requests, and there might never be
	// room for the rest.
	failures *cache[fingerprint, error]
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Before the body is read: the sender's clock is running.
	ctx, cancel := context.WithTimeout(r.Context(), h.cfg.Timeout)
	defer cancel()
	body, refused := h.receive(ctx, w, r)
	if refused != nil {
		refused.send(w)
		return
	}
	events, isArray, refused := split(body)
	if refused != nil {
		refused.send(w)
		return
	}
	answers := make([]answer, len(events))
	for i, outcome := range h.deliver(ctx, events) {
		answers[i] = h.answer(&outcome)
		if h.cfg.OnOutcome != nil {
			h.cfg.OnOutcome(outcome, answers[i].Status)
		}
	}
	whole := ofArray(answers)
	if !isArray {
		whole = &answers[0]
	}
	if h.cfg.DelayRateLimited && whole.Status == http.StatusTooManyRequests {
		hold(ctx, isArray)
	}
	whole.send(w)
}

// hold keeps an answer back until the context ends. The events of an array come
// again together: answers at different times spread several arrays out.
func hold(ctx context.Context, isArray bool) {
	if deadline, ok := ctx.Deadline(); ok && isArray {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, rand.N(max(1, time.Until(deadline))))
		defer cancel()
	}
	<-ctx.Done()
}

// An answer is what the sender of a request, or of one event, is told.
type answer struct {
	Status    int      `json:"status"`
	Action    Action   `json:"action,omitempty"`
	Reason    string   `json:"reason,omitempty"` // why it was skipped
	Duplicate bool     `json:"duplicate,omitempty"`
	Error     string   `json:"error,omitempty"`
	Events    []answer `json:"events,omitzero"`

	retryAfter time.Duration
}

func refuse(status int, why string) *answer { return &answer{Status: status, Error: why} }

func (h *handler) answer(o *Outcome) answer {
	a := answer{Status: h.status(o.Err), Action: o.Result.Action, Reason: o.Result.Reason, Duplicate: o.Result.Duplicate}
	if o.Err != nil {
		a.Error = o.Err.Error()
	}
	var failed *Error
	if errors.As(o.Err, &failed) {
		a.retryAfter = failed.RetryAfter
	}
	return a
}

// status is what an event that ended with err is answered with.
func (h *handler) status(err error) int {
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, ErrOutcomeUnknown):
		return http.StatusServiceUnavailable
	case errors.Is(err, ErrRateLimited), endedInLine(err):
		return http.StatusTooManyRequests
	case Retryable(err), h.cfg.RetryContactNotFound && errors.Is(err, ErrContactNotFound):
		return http.StatusServiceUnavailable
	case errors.As(err, new(*panicError)):
		return http.StatusInternalServerError
	default:
		return http.StatusBadRequest
	}
}

// endedInLine reports whether the time ran out before anything was sent: the
// event waited for others of its person, or for its turn at a Trengo that had
// become busier than it looked.
func endedInLine(err error) bool {
	var failed *Error
	if errors.As(err, &failed) && (failed.Attempts > 0 || errors.As(err, new(*tokenSourceError))) {
		return false
	}
	return errors.Is(err, context.DeadlineExceeded)
}

// urgency orders the statuses of an array's events: the whole is answered
// with the last. What is answered with 429 is delivered again for as long as
// it takes, the rest is given up after hours.
var urgency = []int{
	http.StatusOK,
	http.StatusBadRequest,
	http.StatusInternalServerError,
	http.StatusServiceUnavailable,
	http.StatusTooManyRequests,
}

// ofArray is the answer to an array whose events have these.
func ofArray(events []answer) *answer {
	whole := &answer{Events: events}
	most := 0
	for i := range events {
		most = max(most, slices.Index(urgency, events[i].Status))
		whole.retryAfter = max(whole.retryAfter, events[i].retryAfter)
	}
	whole.Status = urgency[most]
	return whole
}

func (a *answer) send(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	if a.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(a.retryAfter.Seconds()))))
	}
	line, err := json.Marshal(a)
	if err != nil {
		panic(err) // there is nothing in an answer that JSON does not have
	}
	w.WriteHeader(a.Status)
	// A sender that is gone does not read why.
	_, _ = w.Write(append(line, '\n'))
}
