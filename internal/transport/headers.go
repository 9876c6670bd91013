package transport

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The header names are in net/http's canonical form: a lookup then does not
// allocate.
const (
	headerLimit      = "X-Ratelimit-Limit"
	headerRemaining  = "X-Ratelimit-Remaining"
	headerReset      = "X-Ratelimit-Reset"
	headerRetryAfter = "Retry-After"
)

// A rateInfo is what one response says about the rate limit. The zero value
// means that the attempt got no response.
type rateInfo struct {
	received     bool          // there is a response
	route        string        // of the request
	rtt          time.Duration // how long it took
	limit        int           // zero means that it is not stated
	remaining    int
	hasRemaining bool
	pause        time.Duration // for which a 429 closes the gate; zero for any other response
	// byGateway says that a gateway responded because the server had not: the
	// server may still count the attempt.
	byGateway bool
}

func parseRateInfo(resp *http.Response, route string, rtt time.Duration) rateInfo {
	info := rateInfo{received: true, route: route, rtt: rtt}
	if n, ok := parseCount(resp.Header.Get(headerLimit)); ok {
		info.limit = n
	}
	info.remaining, info.hasRemaining = parseCount(resp.Header.Get(headerRemaining))
	info.byGateway = isFromGateway(resp.StatusCode) && info.limit == 0 && !info.hasRemaining
	return info
}

// isFromGateway reports whether this is the status of a gateway that has got no
// response, or not in time. The last two are Cloudflare's.
func isFromGateway(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusGatewayTimeout || status == 520 || status == 524
}

func parseCount(value string) (int, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
	return int(n), err == nil
}

// parseRetryAfter reads how long the server asks to wait: from the Retry-After
// header, in seconds or as a date, or else from X-RateLimit-Reset. A value
// that cannot be read is ignored.
func parseRetryAfter(header http.Header, now time.Time) (wait time.Duration, stated bool) {
	value := strings.TrimSpace(header.Get(headerRetryAfter))
	if seconds, ok := parseCount(value); ok {
		return time.Duration(seconds) * time.Second, true
	}
	if date, err := http.ParseTime(value); err == nil {
		// The two clocks may differ: the date is compared with the server's.
		if sent, err := http.ParseTime(header.Get("Date")); err == nil {
			now = sent
		}
		return max(0, date.Sub(now)), true
	}
	return parseReset(header.Get(headerReset), now)
}

// parseReset reads X-RateLimit-Reset. Its format is not documented: a small
// number is taken as seconds to wait, and a large one as a Unix time. A moment
// further away than the server's window is taken as a mistake.
func parseReset(value string, now time.Time) (wait time.Duration, stated bool) {
	seconds, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	if err != nil {
		return 0, false
	}
	wait = time.Duration(seconds) * time.Second
	if seconds > int64(window.Seconds()) {
		wait = time.Unix(seconds, 0).Sub(now)
	}
	if wait <= 0 || wait > window {
		return 0, false
	}
	return wait, true
}
