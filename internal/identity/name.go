package identity

import (
	"slices"
	"strings"
)

// maxName is the number of characters at which a name is cut.
const maxName = 255

// Name returns a person's name, or a part of it, as it is sent: cleaned as
// [CleanLine] does, but with one space instead of a line break and the spaces
// around it.
//
// Words that a program writes for a value that it does not have, such as
// undefined, are left out, spelled exactly so: Null is a surname.
func Name(text string) string {
	line := oneLine(text, joinSpaces)
	if hasPlaceholder(line) {
		words := slices.DeleteFunc(strings.Fields(line), isPlaceholder)
		line = strings.Join(words, " ")
	}
	return cut(line, maxName)
}

// IsWholeName reports whether [Name] leaves no word out. If it does, the name is
// only the part that the sender knew.
func IsWholeName(text string) bool {
	return !hasPlaceholder(oneLine(text, joinSpaces))
}

func hasPlaceholder(line string) bool {
	return slices.ContainsFunc(strings.Fields(line), isPlaceholder)
}

func isPlaceholder(word string) bool {
	switch word {
	case "undefined", "null", "NaN", "N/A":
		return true
	}
	return false
}
