package trengotest

import (
	"time"
	_ "time/tzdata" // not every machine has the zone of Trengo's timestamps
)

const (
	zonelessLayout = "2006-01-02 15:04:05"
	isoLayout      = "2006-01-02T15:04:05.000000Z"
)

func loadAmsterdam() *time.Location {
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		panic("trengotest: " + err.Error()) // impossible: the zones are embedded
	}
	return zone
}

func (s *Server) zone() *time.Location {
	if s.Behavior.Zone != nil {
		return s.Behavior.Zone
	}
	return s.amsterdam
}

func (s *Server) postZone() *time.Location {
	if s.Behavior.PostZone != nil {
		return s.Behavior.PostZone
	}
	return time.UTC
}

// getTime formats a timestamp in the response to a GET.
func (s *Server) getTime(t time.Time) any { return formatTime(t, s.zone(), zonelessLayout) }

// postTime formats a timestamp in the response to a POST, outside database rows.
func (s *Server) postTime(t time.Time) any { return formatTime(t, s.postZone(), zonelessLayout) }

// isoTime formats a timestamp in a database row.
func isoTime(t time.Time) any { return formatTime(t, time.UTC, isoLayout) }

func formatTime(t time.Time, zone *time.Location, layout string) any {
	if t.IsZero() {
		return nil
	}
	return t.In(zone).Format(layout)
}

// parseTime parses the date of a filter.
func (s *Server) parseTime(text string) (time.Time, bool) {
	for _, layout := range []string{zonelessLayout, "2006-01-02", time.RFC3339, isoLayout} {
		if t, err := time.ParseInLocation(layout, text, s.zone()); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// storedTime returns t as the Server stores it. A zero time becomes the current one.
func storedTime(t time.Time) time.Time {
	if t.IsZero() {
		t = time.Now()
	}
	return t.Round(0).UTC()
}
