package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/trengo-go/trengo/examples/backfill/internal/input"
)

// A Header is the first line of a checkpoint. It identifies the replay.
type Header struct {
	Version int        `json:"backfill"`
	Counts  string     `json:"counts"` // what the numbers of the records count
	Form    input.Form `json:"form"`
	Input   string     `json:"input"` // the digest
	Target
	// Config is what the replay depends on, by the name of the setting: a hash
	// of each value.
	Config Config `json:"config"`
}

// A Target is where the events of a replay go.
type Target struct {
	BaseURL    string `json:"base_url"`
	Channel    int64  `json:"channel"`
	Identifier string `json:"identifier"`
}

// String describes the target.
func (t Target) String() string {
	return fmt.Sprintf("channel %d by %s at %s", t.Channel, t.Identifier, t.BaseURL)
}

const (
	version = 2
	counts  = "events"

	// headerPrefix begins every checkpoint, and nothing else.
	headerPrefix = `{"backfill":`
)

var errNotCheckpoint = errors.New("this is not a checkpoint")

// NewHeader returns the header of a replay.
func NewHeader(in *input.Input, target Target, config Config) Header {
	return Header{Version: version, Counts: counts, Form: in.Form, Input: in.Digest, Target: target, Config: config}
}

func (h Header) text() ([]byte, error) { return json.Marshal(h) }

// ReplayID is a short name for the replay. It does not depend on the config,
// which may change.
func (h Header) ReplayID() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s", h.Input, h.Target))
	return hex.EncodeToString(sum[:4])
}

// check returns an error if text is the first line of something other than a
// checkpoint of this replay. Otherwise it returns the header in it.
func (h Header) check(text string) (Header, error) {
	var have Header
	err := json.Unmarshal([]byte(text), &have)
	switch {
	case err != nil || !strings.HasPrefix(text, headerPrefix) || have.Version == 0:
		return have, errNotCheckpoint
	case have.Version != version:
		return have, fmt.Errorf("this is a checkpoint of version %d, not %d: finish it with the release that began it", have.Version, version)
	case have.Target != h.Target:
		return have, fmt.Errorf("this is the checkpoint of a replay to %s, not to %s: set another -checkpoint", have.Target, h.Target)
	case have.Input != h.Input, have.Form != h.Form:
		return have, errors.New("this is the checkpoint of another input, or the input has changed: set another -checkpoint")
	}
	return have, nil
}

// A Config holds a hash of each setting on which the effect of events depends.
type Config map[string]string

// Changes returns the names of the settings that differ, in order.
func (c Config) Changes(from Config) []string {
	names := maps.Clone(c)
	if names == nil {
		names = Config{}
	}
	maps.Copy(names, from)
	maps.DeleteFunc(names, func(name, _ string) bool { return c[name] == from[name] })
	return slices.Sorted(maps.Keys(names))
}
