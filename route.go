package trengo

import (
	"net/http"
	"strconv"
	"strings"
)

// resourcePath returns the path of one resource of a collection, such as
// /contacts/5, or of something below it, such as /tickets/7/close.
func resourcePath(collection string, id int64, below ...string) string {
	return collection + "/" + strconv.FormatInt(id, 10) + strings.Join(below, "")
}

// checkPath rejects a path that would reach something other than what it names.
func checkPath(path string) error {
	if !strings.HasPrefix(path, "/") {
		return safeText("the path does not begin with a slash")
	}
	if strings.ContainsAny(path, "?#") {
		return safeText("the path has a query or a fragment: see Request.Query")
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		if segment == "" || segment == "." || segment == ".." {
			return safeText("the path has an empty segment, a . or a ..")
		}
		if id, err := strconv.ParseInt(segment, 10, 64); err == nil && id < 1 {
			return errPathID
		}
	}
	return nil
}

var errPathID = safeText("an ID in the path is below 1")

// parseID reads an ID: a positive number in plain digits.
func parseID(s string) (int64, bool) {
	id, err := strconv.ParseInt(s, 10, 64)
	return id, err == nil && id > 0 && s[0] != '+'
}

// checkID rejects an ID that no resource can have, before it costs a request.
func checkID(field string, id int64) error {
	if id < 1 {
		return safeText(field + " is below 1")
	}
	return nil
}

// checkOptionalID is checkID for an ID of which zero means none.
func checkOptionalID(field string, id int64) error {
	if id == 0 {
		return nil
	}
	return checkID(field, id)
}

func checkIDs(field string, ids []int64) error {
	for _, id := range ids {
		if err := checkID(field, id); err != nil {
			return err
		}
	}
	return nil
}

// isRepeatableMethod reports whether a request of this method may be repeated,
// whatever its endpoint.
func isRepeatableMethod(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

func isMethod(method string) bool { return strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" }

func printableMethod(method string) string {
	if !isMethod(method) {
		return "…"
	}
	return method
}

// printablePath omits every segment that is neither a word of a route nor an
// ID. A lower-case word counts as one of the route, because IDs at Trengo are
// numbers.
func printablePath(path string) string {
	return mapSegments(path, func(segment string) bool { return isRouteWord(segment) || isIDSegment(segment) }, "…")
}

// routeOf turns a path into the route that logs and observers receive.
func routeOf(path string) string { return mapSegments(path, isRouteWord, "{id}") }

func mapSegments(path string, keep func(string) bool, replacement string) string {
	unchanged := true
	for segment := range strings.SplitSeq(path, "/") {
		unchanged = unchanged && keep(segment)
	}
	if unchanged {
		return path
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if !keep(segment) {
			segments[i] = replacement
		}
	}
	return strings.Join(segments, "/")
}

func isRouteWord(segment string) bool {
	return strings.Trim(segment, "abcdefghijklmnopqrstuvwxyz_-") == ""
}

func isIDSegment(segment string) bool {
	_, ok := parseID(segment)
	return ok
}
