package trengotest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	contentTypeJSON = "application/json"
	contentTypeHTML = "text/html; charset=UTF-8"
)

// A response is the result of a request, before it is sent by RoundTrip or
// ServeHTTP.
type response struct {
	status    int
	header    http.Header
	body      []byte
	truncated bool // only the first half of the body is sent
}

func newResponse(status int, contentType string, body []byte) response {
	resp := response{status: status, header: make(http.Header), body: body}
	if contentType != "" {
		resp.header.Set("Content-Type", contentType)
	}
	return resp
}

func jsonResponse(status int, v any) response {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("trengotest: response cannot be encoded: %v", err))
	}
	return newResponse(status, contentTypeJSON, body)
}

func ok(v any) response { return jsonResponse(http.StatusOK, v) }

// writeTo sends resp from ServeHTTP. If the body is truncated, it panics with
// http.ErrAbortHandler, so that net/http closes the connection.
func (resp response) writeTo(w http.ResponseWriter) {
	maps.Copy(w.Header(), resp.header)
	if resp.status == http.StatusNoContent {
		w.WriteHeader(resp.status)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(resp.body)))
	w.WriteHeader(resp.status)
	if _, err := io.Copy(w, resp.reader()); err == nil {
		return
	}
	// Without a flush, net/http would discard the half that is still buffered.
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// httpResponse returns resp as the result of RoundTrip.
func (resp response) httpResponse(r *http.Request) *http.Response {
	return &http.Response{
		Status:        fmt.Sprintf("%d %s", resp.status, http.StatusText(resp.status)),
		StatusCode:    resp.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        resp.header,
		Body:          io.NopCloser(resp.reader()),
		ContentLength: int64(len(resp.body)),
		Request:       r,
	}
}

func (resp response) reader() io.Reader {
	if !resp.truncated {
		return bytes.NewReader(resp.body)
	}
	return io.MultiReader(bytes.NewReader(resp.body[:len(resp.body)/2]), truncatedReader{})
}

// A truncatedReader fails as a body does whose connection breaks.
type truncatedReader struct{}

func (truncatedReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// empty is the response to DELETE and similar requests. It has the content type of
// a web page, because that is PHP's default.
func (s *Server) empty() response {
	status := cmp.Or(s.Behavior.EmptyStatus, http.StatusOK)
	if status == http.StatusNoContent {
		return newResponse(status, "", nil)
	}
	return newResponse(status, contentTypeHTML, nil)
}

// failure is an error with a message, or a web page if Behavior.HTMLErrors applies.
func (s *Server) failure(status int, message string) response {
	if s.sendsHTML(status) {
		return newResponse(status, contentTypeHTML, []byte(webPage(message)))
	}
	return jsonResponse(status, object{"message": message})
}

func (s *Server) sendsHTML(status int) bool {
	return s.Behavior.HTMLErrors && (status == http.StatusTooManyRequests || status >= 500)
}

func (s *Server) notFound() response {
	return s.failure(http.StatusNotFound, "Not Found.")
}

func (s *Server) unauthenticated(c *call) response {
	if !c.acceptsJSON() && !s.Behavior.JSONUnauthorized {
		return newResponse(http.StatusUnauthorized, contentTypeHTML, []byte(webPage("Log in")))
	}
	return jsonResponse(http.StatusUnauthorized, object{"message": "Unauthenticated.", "errors": []any{}})
}

func (s *Server) rateLimited(q quota, now time.Time) response {
	resp := s.failure(http.StatusTooManyRequests, "Too Many Attempts.")
	resp.header.Set("Retry-After", q.retryAfter(now))
	if !s.Behavior.OmitRateLimitReset {
		resp.header.Set("X-Ratelimit-Reset", q.reset())
	}
	return resp
}

// unknownRoute is a page of the web application, which serves every path outside
// the API.
func (s *Server) unknownRoute() response {
	status := cmp.Or(s.Behavior.UnknownRouteStatus, http.StatusNotFound)
	return newResponse(status, contentTypeHTML, []byte(webPage("Trengo")))
}

func (s *Server) methodNotAllowed(c *call, allowed []string) response {
	slices.Sort(allowed)
	resp := s.failure(http.StatusMethodNotAllowed, "The "+c.record.Method+" method is not supported for this route.")
	resp.header.Set("Allow", strings.Join(allowed, ", "))
	return resp
}

func webPage(title string) string {
	return "<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>" + title + "</title></head>\n" +
		"<body><h1>" + title + "</h1></body>\n</html>\n"
}
