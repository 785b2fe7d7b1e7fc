package secret

import "regexp"

// forms matches texts that look like secrets: ServiceTitan's client secrets and app keys,
// our API keys, and JSON Web Tokens (RFC 7519).
var forms = regexp.MustCompile(`(?i)\b(?:cs\d\.[\w.~+/-]{8,}=*|ak\d\.[\w.~+/-]{8,}=*|fbk_\w{8,}|eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?)`)

// InText reports whether a text has something that looks like a secret.
func InText(text string) bool { return forms.MatchString(text) }

// TakenOut returns a text without whatever looks like a secret.
func TakenOut(text string) string { return forms.ReplaceAllString(text, "[taken out]") }
