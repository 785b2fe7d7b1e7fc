package secret

import "log/slog"

const redacted = "[redacted]"

// Value holds a token, a password, or a key. However it is printed, logged, or
// marshaled, it shows as [redacted]. Reveal is the only way to what it holds.
type Value struct{ value string }

// New wraps a secret value.
func New(value string) Value { return Value{value} }

// Reveal returns the value, to be sent or encrypted and for nothing else.
func (s Value) Reveal() string { return s.value }

// IsZero says whether there is no value.
func (s Value) IsZero() bool { return s.value == "" }

// String returns [redacted].
func (s Value) String() string { return redacted }

// GoString returns [redacted].
func (s Value) GoString() string { return redacted }

// LogValue returns [redacted].
func (s Value) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns "[redacted]".
func (s Value) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns [redacted].
func (s Value) MarshalText() ([]byte, error) { return []byte(redacted), nil }
