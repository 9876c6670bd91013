package trengo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/trengo-go/trengo/internal/inbound"
)

// A HandlerConfig configures the handler of [NewHandler]: whom it trusts and
// how it responds.
type HandlerConfig struct {
	// Secrets are the values that SecretHeader may have, each as a whole: with
	// its scheme, if the sender adds one, as in "Bearer s3cret". With several,
	// a secret can be rotated without losing an event. They are compared in
	// constant time.
	Secrets []string

	// SecretHeader is the header that contains the secret. Empty means
	// Authorization.
	SecretHeader string

	// SigningSecret is the shared secret of senders that sign, as Segment and
	// Customer.io do: X-Signature is the HMAC-SHA1 of the decompressed body, in
	// hexadecimal digits. A request needs either a secret or a signature. The
	// handler rejects a signature of only the first event of an array, as
	// Segment's older batches have it.
	SigningSecret string

	// AllowUnauthenticated accepts events from everybody. Without it,
	// NewHandler requires Secrets or a SigningSecret.
	AllowUnauthenticated bool

	// Timeout is how long a delivery may take from the moment at which its
	// header was read. Zero means 8 seconds: RudderStack gives up after 10, and
	// delivers again what may have been done.
	Timeout time.Duration

	// MaxBodyBytes limits the body, before and after it is decompressed. Zero
	// means 4 MB.
	MaxBodyBytes int64

	// MaxDecodedBytes limits the memory that the events of all requests take
	// while they are processed, as estimated from their JSON, which can take
	// fifty times its length when it is decoded. Zero means 256 MB. A request
	// without room waits for it, at most for the Timeout: then its events end
	// with an error that is [Retryable]. One that needs more than all of it is
	// processed alone. Only events that ask for something are decoded; those that
	// are skipped need no room.
	MaxDecodedBytes int64

	// RetryContactNotFound responds with 503 instead of 400 to an event that
	// ends with [ErrContactNotFound]. The identify that creates the contact may
	// be on its way, because RudderStack keeps the order of a user ID, not of a
	// person. If it comes later under the same user ID, RudderStack holds it
	// back until it gives up on the event, after three hours: where that
	// happens, [DestinationConfig.CreateMissingContacts] is better.
	RetryContactNotFound bool

	// DelayRateLimited delays a 429 until the Timeout is used up (for arrays,
	// until a random moment before that). RudderStack postpones a rate-limited
	// event for up to five minutes, and its workers take the next one. If they
	// get the 429 at once, they run through all events that wait, and then
	// Trengo is idle. Delaying them drains a backlog up to three times as fast,
	// but keeps requests open.
	DelayRateLimited bool

	// OnOutcome, if set, receives how each event ended and its status, before
	// the response is sent: for a dead-letter queue, metrics or an audit log.
	// Index is the position in the delivered array. Event is nil if it could
	// not be read. Of an event that was skipped, or that did not get as far as
	// being decoded, Event has only the texts, such as Type and MessageID, and of
	// Integrations only Trengo and All. An event that was held back behind a failed
	// one of the same person has that one's error. Events that are delivered again
	// are reported again. OnOutcome is called concurrently for different requests
	// and must be quick: the sender waits.
	OnOutcome func(outcome Outcome, status int)
}

const (
	defaultSecretHeader   = "Authorization"
	defaultHandlerTimeout = 8 * time.Second
	defaultMaxBodyBytes   = 4 << 20
	defaultMaxDecoded     = 256 << 20
)

// setDefaults replaces zeros.
func (cfg *HandlerConfig) setDefaults() {
	cfg.Timeout = orDefault(cfg.Timeout, defaultHandlerTimeout)
	cfg.MaxBodyBytes = orDefault(cfg.MaxBodyBytes, defaultMaxBodyBytes)
	cfg.MaxDecodedBytes = orDefault(cfg.MaxDecodedBytes, defaultMaxDecoded)
	cfg.SecretHeader = orDefault(cfg.SecretHeader, defaultSecretHeader)
}

func (cfg *HandlerConfig) validate() error {
	mistakes := []error{
		checkNotNegative("Timeout", cfg.Timeout),
		checkNotNegative("MaxBodyBytes", cfg.MaxBodyBytes),
		checkNotNegative("MaxDecodedBytes", cfg.MaxDecodedBytes),
	}
	if cfg.SecretHeader != "" && len(cfg.Secrets) == 0 {
		mistakes = append(mistakes, errors.New("SecretHeader is set, and Secrets is empty"))
	}
	if cfg.SecretHeader != "" && !inbound.IsHeaderName(cfg.SecretHeader) {
		mistakes = append(mistakes, errors.New("SecretHeader is not the name of a header"))
	}
	for i, secret := range cfg.Secrets {
		if !inbound.IsHeaderValue(secret) {
			mistakes = append(mistakes, fmt.Errorf("secret %d is empty or cannot be the value of a header", i))
		}
	}
	secured := len(cfg.Secrets) > 0 || cfg.SigningSecret != ""
	switch {
	case cfg.AllowUnauthenticated && secured:
		mistakes = append(mistakes, errors.New("a secret is set, and so is AllowUnauthenticated"))
	case !cfg.AllowUnauthenticated && !secured:
		mistakes = append(mistakes, errors.New("neither Secrets nor a SigningSecret is set; AllowUnauthenticated would accept events from everybody"))
	}
	return errors.Join(mistakes...)
}

// NewHandler returns a handler that receives events over HTTP, as RudderStack's
// Webhook and HTTP Webhook destinations send them: a POST of one event, or of
// an array of them, as JSON. It takes the envelopes apart that [SplitEvents] does,
// such as Segment's batches; a batch counts as an array. It responds when
// everything is done, within [HandlerConfig.Timeout], and does not work on anything
// afterwards. The status is chosen so that RudderStack neither loses an event nor
// repeats one in vain:
//
//	200  done, done before, or skipped
//	400  fails again: the event is invalid or lacks a usable identifier, the contact
//	     is unknown or ambiguous, Trengo rejects it
//	429  the rate limit leaves no room in time; no ticket was sent, and a
//	     contact that was created on the way is found the next time
//	503  Trengo is down, rejects the token or is not what responded (a redirect, a
//	     maintenance page, a firewall), the outcome is not known, or other requests
//	     take all of MaxDecodedBytes
//	500  a panic, such as of [DestinationConfig.NormalizePhone]
//
// An array has one status, because all of it is delivered again: 429 if any
// event has that, else 503 or 500, else 400, else 200. What was done is not
// done again if it has a messageId. What failed permanently, or because the
// contact was not found, fails from memory for an hour, at every handler of the
// Destination. Events of one person are processed in
// the order of the array. If one will be delivered again, those after it are
// held back, so that they do not overtake it, unless they may create the
// contact that it waits for. Different people's events are processed in
// parallel, [DestinationConfig.Concurrency] of them.
//
// A request that does not get as far as its events gets 401 (wrong secret or
// signature), 405 (not a POST), 408 (the body did not arrive within the
// timeout), 413 (the body, or an array of over 1000 events), 415 (neither JSON
// nor gzipped JSON) or 400 (invalid JSON or gzip).
//
// What is redelivered is returned from memory or looked up first; see
// [Destination]. RudderStack keeps the order of a user ID: if a person's events
// come under several, the last to arrive wins.
//
// The body of a response is a line of JSON with the status and the reason, for
// an array those of each event, and never personal data. A Retry-After header
// says when there is room again, if that is known; RudderStack has its own
// intervals.
//
// The error names everything that is missing or contradictory in cfg. The
// handler is safe for concurrent use. Routes, TLS, timeouts for slow senders'
// headers and a graceful shutdown are the server's job. A ResponseWriter that
// is wrapped needs an Unwrap method, or nothing limits how long a body may
// take: see [http.ResponseController].
func NewHandler(d *Destination, cfg HandlerConfig) (http.Handler, error) {
	var destinationErr error
	if d == nil || d.dedup == nil {
		destinationErr = errors.New("the destination is nil, or was not made by NewDestination")
	}
	if err := errors.Join(destinationErr, cfg.validate()); err != nil {
		return nil, &opError{op: "invalid handler", err: err}
	}
	cfg.setDefaults()
	return &handler{
		destination: d,
		cfg:         cfg,
		receiver: inbound.NewReceiver(inbound.Config{
			Secrets:              cfg.Secrets,
			SecretHeader:         cfg.SecretHeader,
			SigningSecret:        cfg.SigningSecret,
			AllowUnauthenticated: cfg.AllowUnauthenticated,
			MaxBodyBytes:         cfg.MaxBodyBytes,
		}),
		memory: inbound.NewMemory(cfg.MaxDecodedBytes),
	}, nil
}

type handler struct {
	destination *Destination
	cfg         HandlerConfig
	receiver    *inbound.Receiver
	memory      *inbound.Memory // for decoded events
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Before the body is read: the sender's clock is running.
	ctx, cancel := context.WithTimeout(r.Context(), h.cfg.Timeout)
	defer cancel()
	body, rejected := h.receiver.Receive(ctx, w, r)
	if rejected != nil {
		rejectionResponse(rejected).write(w)
		return
	}
	events, isArray, rejected := receivedEvents(body)
	if rejected != nil {
		rejectionResponse(rejected).write(w)
		return
	}
	responses := make([]handlerResponse, len(events))
	runner := newRunner(h.destination.dedup, h.destination.cfg.Concurrency, h.redeliveryPolicy(len(events)))
	for i, outcome := range runner.runArray(ctx, events, h.memory) {
		responses[i] = outcomeResponse(&outcome, h.status(outcome.Err))
		if h.cfg.OnOutcome != nil {
			h.cfg.OnOutcome(outcome, responses[i].Status)
		}
	}
	whole := arrayResponse(responses)
	if !isArray {
		whole = &responses[0]
	}
	if h.cfg.DelayRateLimited && whole.Status == http.StatusTooManyRequests {
		delayResponse(ctx, isArray)
	}
	whole.write(w)
}

// redeliveryPolicy is nil for a request with one event, whose failure concerns
// no other.
func (h *handler) redeliveryPolicy(events int) *redeliveryPolicy {
	if events < 2 {
		return nil
	}
	return &redeliveryPolicy{
		isPermanent: func(err error) bool {
			// An event without a contact has changed nothing, and may wait for
			// those after it.
			return h.status(err) == http.StatusBadRequest || errors.Is(err, ErrContactNotFound)
		},
		willRedeliver: func(err error) bool { return h.status(err) >= http.StatusTooManyRequests },
	}
}

func (h *handler) status(err error) int { return eventStatus(err, h.cfg.RetryContactNotFound) }

// delayResponse waits until the context ends. The events of an array come again
// together: at a random moment before that, several arrays come apart.
func delayResponse(ctx context.Context, isArray bool) {
	if deadline, ok := ctx.Deadline(); ok && isArray {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, rand.N(max(1, time.Until(deadline))))
		defer cancel()
	}
	<-ctx.Done()
}
