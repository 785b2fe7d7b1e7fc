package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

// secretPrefix starts every secret, so that scanners recognize a leaked one.
const secretPrefix = "whsec_"

// headers returns the headers of the specification for an attempt. Each secret signs.
func headers(id string, at time.Time, body string, secrets []secret.Value) (map[string]string, error) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, len(secrets))
	for i, s := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Reveal(), secretPrefix))
		if err != nil {
			return nil, fmt.Errorf("decode secret of endpoint: %w", err)
		}
		mac := hmac.New(sha256.New, key)
		_, _ = mac.Write([]byte(id + "." + timestamp + "." + body))
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return map[string]string{
		"Content-Type": "application/json", "User-Agent": "Fieldbridge-Webhooks/1.0",
		"webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": strings.Join(signatures, " "),
	}, nil
}
