package sandbox

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"
)

// jwtHeader looks like the header of a ServiceTitan access token.
const jwtHeader = `{"alg":"RS256","kid":"53414E44424F583030303030303030303030303031RS256","typ":"at+jwt","x5t":"U0FOREJPWDAwMDAwMDAwMDAwMDE"}`

// signatureLength is the length in bytes of an RS256 signature with a 2048-bit key.
const signatureLength = 256

// claims are the claims of a ServiceTitan access token, which has no aud and no sub.
type claims struct {
	NotBefore int64    `json:"nbf"`
	Expires   int64    `json:"exp"`
	Issuer    string   `json:"iss"`
	ClientID  string   `json:"client_id"`
	Tenant    string   `json:"tenant"`
	ID        string   `json:"jti"`
	IssuedAt  int64    `json:"iat"`
	Scope     []string `json:"scope"`
}

// newAccessToken returns a token in the form of a JWT. Its signature is random. Nobody
// can check it, because the sandbox publishes no key, and the API looks tokens up. The
// caller holds the mutex.
func (s *Sandbox) newAccessToken(clientID string, tenantID int64, scopes []string, now time.Time) string {
	payload, err := json.Marshal(claims{
		NotBefore: now.Unix(), Expires: now.Add(s.settings.AccessTokenLife).Unix(), IssuedAt: now.Unix(),
		Issuer: s.options.URL, ClientID: clientID, Tenant: strconv.FormatInt(tenantID, 10),
		ID: canary + rand.Text(), Scope: scopes,
	})
	if err != nil {
		panic(err) // strings and numbers only
	}
	signature := make([]byte, signatureLength)
	_, _ = rand.Read(signature) // it never fails
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(jwtHeader)) + "." + encode(payload) + "." + encode(signature)
}
