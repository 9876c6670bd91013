package rawjson

// What the parts of a decoded value take on a 64-bit system, with what their growth
// leaves unused. A short object has room for eight members.
const (
	sizeOfObject  = 56
	sizeOfMembers = 288
	sizeOfMember  = 60
	sizeOfArray   = 40
	sizeOfElement = 20
	sizeOfText    = 24 // and its bytes
)

// DecodedSize estimates how many bytes a value takes once encoding/json has decoded
// it into an any, with numbers as text: from 0.8 times to 3.5 times what it takes. The
// value must be valid JSON.
func DecodedSize(value []byte) int64 {
	size, isObjectStart := int64(0), false
	for i := 0; i < len(value); {
		length := 1
		switch c := value[i]; {
		case isSpace(c):
			i++
			continue
		case c == '"':
			length = stringLen(value[i:])
			size += sizeOfText + int64(length)
			if isObjectStart {
				size += sizeOfMembers
			}
		case c == '{':
			size += sizeOfObject
		case c == '[':
			size += sizeOfArray
		case c == ':':
			size += sizeOfMember
		case c == ',':
			size += sizeOfElement
		case c == '-' || c >= '0' && c <= '9':
			length = valueLen(value[i:])
			size += sizeOfText + int64(length)
		}
		isObjectStart = value[i] == '{'
		i += length
	}
	return size
}
