package trengotest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

const (
	contentTypeJSON = "application/json"
	contentTypeHTML = "text/html; charset=UTF-8"
)

// object is a JSON object on its way out.
type object map[string]any

// with returns a copy of o that also holds the fields of more.
func (o object) with(more object) object {
	all := make(object, len(o)+len(more))
	maps.Copy(all, o)
	maps.Copy(all, more)
	return all
}

// An answer is what the server says, before it is known how it travels.
type answer struct {
	status int
	header http.Header
	body   []byte
	cut    bool // only half of the body arrives
}

func newAnswer(status int, contentType string, body []byte) answer {
	a := answer{status: status, header: make(http.Header), body: body}
	if contentType != "" {
		a.header.Set("Content-Type", contentType)
	}
	return a
}

func reply(status int, v any) answer {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("trengotest: answer cannot be encoded: %v", err))
	}
	return newAnswer(status, contentTypeJSON, body)
}

func ok(v any) answer { return reply(http.StatusOK, v) }

// empty is the answer to deletes and their like. It comes with the content type
// of a web page, as PHP labels what is not labelled otherwise.
func (s *Server) empty() answer {
	status := orDefault(s.Behavior.EmptyStatus, http.StatusOK)
	if status == http.StatusNoContent {
		return newAnswer(status, "", nil)
	}
	return newAnswer(status, contentTypeHTML, nil)
}

// failure is an error with a message, a web page if the server is set to it.
func (s *Server) failure(status int, message string) answer {
	if s.asWebPage(status) {
		return newAnswer(status, contentTypeHTML, []byte(webPage(message)))
	}
	return reply(status, object{"message": message})
}

func (s *Server) notFound() answer {
	return s.failure(http.StatusNotFound, "Not Found.")
}

func (s *Server) unauthenticated(c *call) answer {
	if !c.acceptsJSON() && !s.Behavior.JSONUnauthorized {
		return newAnswer(http.StatusUnauthorized, contentTypeHTML, []byte(webPage("Log in")))
	}
	return reply(http.StatusUnauthorized, object{"message": "Unauthenticated.", "errors": []any{}})
}

// unknownRoute is the page of the web application, which has every path that the
// API has not.
func (s *Server) unknownRoute() answer {
	status := orDefault(s.Behavior.UnknownRouteStatus, http.StatusNotFound)
	return newAnswer(status, contentTypeHTML, []byte(webPage("Trengo")))
}

func (s *Server) asWebPage(status int) bool {
	return s.Behavior.HTMLErrors && (status == http.StatusTooManyRequests || status >= 500)
}

func (s *Server) canned(f Fault) answer {
	if s.asWebPage(f.status) {
		return newAnswer(f.status, contentTypeHTML, []byte(webPage(http.StatusText(f.status))))
	}
	return newAnswer(f.status, f.contentType, []byte(f.body))
}

func webPage(title string) string {
	return "<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>" + title + "</title></head>\n" +
		"<body><h1>" + title + "</h1></body>\n</html>\n"
}

func orDefault(status, fallback int) int {
	if status == 0 {
		return fallback
	}
	return status
}

func (a answer) writeTo(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	if a.status == http.StatusNoContent {
		w.WriteHeader(a.status)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	if _, err := io.Copy(w, a.reader()); err == nil {
		return
	}
	// Without this the server would drop what it has not sent yet.
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func (c *call) acceptsJSON() bool {
	accept := c.record.Header.Get("Accept")
	return strings.Contains(accept, "/json") || strings.Contains(accept, "+json")
}
