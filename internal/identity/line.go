package identity

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// CleanLine returns text as one line that people can read, cut after limit
// characters. Controls and line breaks become spaces, one each. Characters that
// reverse the order of the text around them, and those of no width, are
// dropped; joiners are not, because names and emoji need them. Spaces around
// the text are removed, and joiners that do not join anything there; those
// within it are kept. What is not UTF-8 becomes the replacement character. The
// result is empty if there is nothing to see in it.
func CleanLine(text string, limit int) string {
	return cut(oneLine(text, keepSpaces), limit)
}

// spaces says what becomes of the spaces around a line break or a control.
type spaces int

const (
	keepSpaces spaces = iota
	joinSpaces        // one space stands for all of them
)

// oneLine is [CleanLine] without the cut.
func oneLine(text string, mode spaces) string {
	if isPrintableASCII(text) {
		return strings.Trim(text, " ")
	}
	var line, pending strings.Builder // pending holds spaces that nothing follows so far
	line.Grow(len(text))
	join, visible := false, false
	for _, r := range text {
		switch {
		case isDropped(r):
		case isBreak(r):
			pending.WriteByte(' ')
			join = mode == joinSpaces
		case unicode.IsSpace(r):
			pending.WriteRune(r)
		default:
			switch {
			case line.Len() == 0 || pending.Len() == 0:
			case join:
				line.WriteByte(' ')
			default:
				line.WriteString(pending.String())
			}
			pending.Reset()
			join = false
			line.WriteRune(r)
			visible = visible || isVisible(r)
		}
	}
	if !visible {
		return ""
	}
	return trimJoiners(line.String())
}

// cut returns at most limit characters of a line. A joiner that would join them
// to what is cut off is removed with it.
func cut(line string, limit int) string {
	short := firstRunes(line, limit)
	if short == line {
		return line
	}
	short = strings.TrimRightFunc(short, isJoinerOrSpace)
	if !strings.ContainsFunc(short, isVisible) {
		return ""
	}
	return short
}

// trimJoiners removes spaces and joiners around a line. One joiner has a meaning
// at the end of a word: that behind the sign that takes the vowel from a
// consonant, as in Malayalam.
func trimJoiners(line string) string {
	line = strings.TrimLeftFunc(line, isJoinerOrSpace)
	trimmed := strings.TrimRightFunc(line, isJoinerOrSpace)
	last, _ := utf8.DecodeLastRuneInString(trimmed)
	if unicode.Is(unicode.Mn, last) && strings.HasPrefix(line[len(trimmed):], string(zeroWidthJoiner)) {
		return line[:len(trimmed)+len(string(zeroWidthJoiner))]
	}
	return trimmed
}

func isJoinerOrSpace(r rune) bool {
	return unicode.IsSpace(r) || r == zeroWidthJoiner || r == zeroWidthNonJoiner
}

func firstRunes(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for i := range text {
		if n <= 0 {
			return text[:i]
		}
		n--
	}
	return text
}

// isPrintableASCII saves most texts the slower way.
func isPrintableASCII(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// isBreak reports whether r is a control or separates lines.
func isBreak(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}

// isDropped reports whether r changes the order of the characters around it, or
// is nothing but a place without width.
func isDropped(r rune) bool {
	switch {
	case '\u202a' <= r && r <= '\u202e': // embeddings and overrides
	case '\u2060' <= r && r <= '\u206f': // isolates, invisible operators
	case r == '\u200b', r == '\ufeff':
	default:
		return false
	}
	return true
}

// isVisible reports whether something is to be seen of r.
func isVisible(r rune) bool {
	const brailleBlank = '\u2800'
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && r != brailleBlank &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
