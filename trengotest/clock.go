package trengotest

import (
	"time"
	_ "time/tzdata" // the zone of Trengo's timestamps must be there on every machine
)

const (
	zonelessLayout = "2006-01-02 15:04:05"
	isoLayout      = "2006-01-02T15:04:05.000000Z"
)

func loadAmsterdam() *time.Location {
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		panic("trengotest: " + err.Error()) // cannot be: the zones are embedded
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

// getTime is a timestamp as GET answers give it.
func (s *Server) getTime(t time.Time) any { return formatTime(t, s.zone(), zonelessLayout) }

// postTime is a timestamp of a POST answer that is no dump of the database.
func (s *Server) postTime(t time.Time) any { return formatTime(t, s.postZone(), zonelessLayout) }

// isoTime is a timestamp in a dump of the database.
func isoTime(t time.Time) any { return formatTime(t, time.UTC, isoLayout) }

func formatTime(t time.Time, zone *time.Location, layout string) any {
	if t.IsZero() {
		return nil
	}
	return t.In(zone).Format(layout)
}

// parseTime reads the date of a filter.
func (s *Server) parseTime(text string) (time.Time, bool) {
	for _, layout := range []string{zonelessLayout, "2006-01-02", time.RFC3339, isoLayout} {
		if t, err := time.ParseInLocation(layout, text, s.zone()); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// stamp is a time as it is kept: a zero one is now.
func stamp(t time.Time) time.Time {
	if t.IsZero() {
		t = time.Now()
	}
	return t.Round(0).UTC()
}
