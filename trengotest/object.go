package trengotest

import (
	"maps"
	"strings"
)

// An object is a JSON object of a response.
type object map[string]any

// with returns a copy of o with the fields of more added.
func (o object) with(more object) object {
	all := make(object, len(o)+len(more))
	maps.Copy(all, o)
	maps.Copy(all, more)
	return all
}

func nullText(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func nullID(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}

// initial returns the first letter of text in upper case.
func initial(text string) string {
	for _, r := range text {
		return strings.ToUpper(string(r))
	}
	return ""
}
