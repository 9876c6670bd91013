package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"strings"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/examples/backfill/internal/checkpoint"
	"github.com/trengo-go/trengo/examples/backfill/internal/input"
)

func (s *settings) readConfig() (trengo.DestinationConfig, error) {
	var config trengo.DestinationConfig
	data, err := os.ReadFile(s.config)
	if err != nil {
		return config, err
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return config, fmt.Errorf("%s: %w", s.config, err)
	}
	if config.ChannelIdentifier == "" {
		config.ChannelIdentifier = trengo.IdentifierEmail
	}
	config.CreateMissingContacts = s.create
	// An archive holds events as they were sent, before RudderStack filtered
	// them.
	config.HonorIntegrationsAll = !s.ignoreAll
	config.PeopleTTL = s.remember
	config.Concurrency = concurrency
	return config, nil
}

// header identifies the replay of an input.
func (s *settings) header(in *input.Input, config trengo.DestinationConfig) checkpoint.Header {
	target := checkpoint.Target{
		BaseURL:    canonicalURL(s.baseURL),
		Channel:    config.ChannelID,
		Identifier: string(config.ChannelIdentifier),
	}
	return checkpoint.NewHeader(in, target, hashConfig(config))
}

// canonicalURL returns one form for all spellings of a base URL.
func canonicalURL(text string) string {
	u, err := url.Parse(strings.TrimRight(text, "/"))
	if err != nil {
		return text // NewClient refuses it
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]; port != "" {
		u.Host = strings.TrimSuffix(u.Host, port)
	}
	return u.Redacted()
}

// The names by which an operator knows fields of a DestinationConfig. Others keep
// the name of the field.
var settingNames = map[string]string{
	"AllowDuplicates":       "enableDedup",
	"EventTemplates":        "eventTemplateMap",
	"CreateMissingContacts": "-create-missing",
	"HonorIntegrationsAll":  "-ignore-integrations-all",
}

// Changes of these fields do not change what an event does, or are those of
// another replay.
var indifferentFields = map[string]bool{
	"ChannelID": true, "ChannelIdentifier": true, // of the target
	"MaxPeople": true, "PeopleTTL": true, "MaxMessages": true, "MessageTTL": true, "Concurrency": true,
}

// hashConfig returns a hash of each setting on which the effect of events
// depends. It finds them by reflection: one that this program does not know of
// must not change unnoticed. What is empty is left out.
func hashConfig(config trengo.DestinationConfig) checkpoint.Config {
	hashes := checkpoint.Config{}
	value := reflect.ValueOf(config)
	for _, field := range reflect.VisibleFields(value.Type()) {
		setting := value.FieldByIndex(field.Index)
		if indifferentFields[field.Name] || setting.IsZero() || field.Type.Kind() == reflect.Func {
			continue
		}
		name := field.Name
		if known, ok := settingNames[name]; ok {
			name = known
		}
		if templates, ok := reflect.TypeAssert[map[string]string](setting); ok {
			for event, template := range templates {
				hashes[name+"."+event] = hash(template)
			}
			continue
		}
		hashes[name] = hash(setting.Interface())
	}
	return hashes
}

func hash(value any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%v", value))
	return hex.EncodeToString(sum[:4])
}
