package trengo

import "context"

// A Client is a rate-limited, retrying client for the Trengo REST API v2 with
// one token. It is safe for concurrent use. Trengo counts requests per token,
// so all users of a token should share one Client: two do not know of each
// other.
//
// Create a Client with [NewClient]. Every call of a zero Client is an error.
type Client struct {
	Contacts *ContactsService
	Tickets  *TicketsService

	requester *requester
}

// NewClient returns a Client for a personal access token, which Trengo shows
// under Settings, Apps & Integrations, REST API. It does not send anything. The
// error names every mistake in the options.
func NewClient(token string, opts ...Option) (*Client, error) {
	o, err := newOptions(token, opts)
	if err != nil {
		return nil, err
	}
	common := &service{requester: newRequester(o)}
	return &Client{
		Contacts:  (*ContactsService)(common),
		Tickets:   (*TicketsService)(common),
		requester: common.requester,
	}, nil
}

// Do sends a request within the rate limit, repeats it if that is safe, and
// decodes the JSON of a 2xx response into out. If out is nil, an empty response
// is accepted, too. The package documentation says which requests are repeated
// when. A call whose deadline is closer than the fastest recent response is not
// sent; its error is a [context.DeadlineExceeded]. A response that is JSON but does
// not fit out is an error, and the request is not repeated. The error is an
// [*Error]; out may be partly filled then.
//
// The services call the endpoints that they know. Use Do for the others, such as
// a message in the team chat:
//
//	message := map[string]any{"threadId": 5, "body": "Deployed"}
//	err := client.Do(ctx, trengo.Request{Method: "POST", Path: "/internal_chat/messages", Body: message}, nil)
func (c *Client) Do(ctx context.Context, r Request, out any) error {
	decode, err := decodeInto(out)
	if err != nil {
		return invalidRequest(r, err)
	}
	return c.requesterOrNil().do(ctx, r, decode)
}

// RateLimit returns what the last response said about the rate limit, without
// sending a request. A number that it left out is that of an earlier response.
// RateLimit returns the zero value until a response said something.
func (c *Client) RateLimit() RateLimit {
	q := c.requesterOrNil()
	if q == nil {
		return RateLimit{}
	}
	return RateLimit(q.engine.RateLimit())
}

// requesterOrNil returns nil for a Client that NewClient did not make.
func (c *Client) requesterOrNil() *requester {
	if c == nil {
		return nil
	}
	return c.requester
}
