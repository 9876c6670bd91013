package trengotest

// A vocabulary holds the messages of a 422 in one language. % is replaced by the name
// of the field.
type vocabulary struct {
	invalid    string
	required   string
	notText    string
	notInteger string
	notBool    string
	notList    string
	unknown    string
	notEmail   string
	notPhone   string
	privacy    string
	closed24h  string
	sameTicket string
}

func (s *Server) words() vocabulary {
	if s.Behavior.Dutch {
		return vocabulary{
			invalid:    "De opgegeven gegevens zijn ongeldig.",
			required:   "Het veld % is verplicht.",
			notText:    "Het veld % moet tekst zijn.",
			notInteger: "Het veld % moet een getal zijn.",
			notBool:    "Het veld % moet waar of onwaar zijn.",
			notList:    "Het veld % moet een lijst zijn.",
			unknown:    "Het gekozen veld % is ongeldig.",
			notEmail:   "Het veld % moet een geldig e-mailadres zijn.",
			notPhone:   "Het veld % moet een geldig telefoonnummer zijn.",
			privacy:    "Een privécontact past alleen bij een privékanaal.",
			closed24h:  "Buiten 24 uur kan alleen een sjabloon worden verstuurd.",
			sameTicket: "Een ticket kan niet met zichzelf worden samengevoegd.",
		}
	}
	return vocabulary{
		invalid:    "The given data was invalid.",
		required:   "The % field is required.",
		notText:    "The % must be a string.",
		notInteger: "The % must be an integer.",
		notBool:    "The % field must be true or false.",
		notList:    "The % must be an array.",
		unknown:    "The selected % is invalid.",
		notEmail:   "The % must be a valid email address.",
		notPhone:   "The % must be a valid phone number.",
		privacy:    "A private contact can only be used with a private channel.",
		closed24h:  "Only a template can be sent outside the 24 hour window.",
		sameTicket: "A ticket cannot be merged with itself.",
	}
}
