package modeltest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// Authenticator is a device with one passkey, and the browser in front of it. Tests
// change its fields to make it answer wrongly.
type Authenticator struct {
	testing.TB
	// Origin and RPID are the site that the browser shows.
	Origin, RPID string
	// Unverified makes it answer without having verified the person.
	Unverified bool
	// BackedUp says that the passkey is synchronized between devices.
	BackedUp bool
	// Count is the count of signatures that it sends with the next answer.
	Count uint32
	// ID is the passkey's ID, and Handle is the ID of the user that it was made for.
	ID, Handle []byte
	key        *ecdsa.PrivateKey
}

// NewAuthenticator returns a device without a passkey, at a site.
func NewAuthenticator(t testing.TB, origin, rpID string) *Authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &Authenticator{TB: t, Origin: origin, RPID: rpID, ID: []byte(rand.Text()), key: key}
}

// options is what the device reads of the options of a ceremony.
type options struct {
	Challenge string `json:"challenge"`
	User      struct {
		ID string `json:"id"`
	} `json:"user"`
}

func (a *Authenticator) read(raw []byte) options {
	a.Helper()
	var o options
	if err := json.Unmarshal(raw, &o); err != nil {
		a.Fatal(err)
	}
	return o
}

func encoded(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func (a *Authenticator) marshal(value any) []byte {
	a.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		a.Fatal(err)
	}
	return raw
}

func (a *Authenticator) clientData(kind, challenge string) []byte {
	return a.marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.Origin, "crossOrigin": false})
}

// data is the authenticator data (W3C Web Authentication, section 6.1).
func (a *Authenticator) data(attested []byte) []byte {
	const present, verified, eligible, backedUp, hasKey = 1, 1 << 2, 1 << 3, 1 << 4, 1 << 6
	flags := byte(present)
	if !a.Unverified {
		flags |= verified
	}
	if a.BackedUp {
		flags |= eligible | backedUp
	}
	if attested != nil {
		flags |= hasKey
	}
	site := sha256.Sum256([]byte(a.RPID))
	return slices.Concat(binary.BigEndian.AppendUint32(append(site[:], flags), a.Count), attested)
}

// Create makes the passkey that the options ask for, and returns the browser's
// answer.
func (a *Authenticator) Create(raw []byte) []byte {
	a.Helper()
	o := a.read(raw)
	var err error
	if a.Handle, err = base64.RawURLEncoding.DecodeString(o.User.ID); err != nil {
		a.Fatal(err)
	}
	public, err := a.key.PublicKey.Bytes()
	if err != nil {
		a.Fatal(err)
	}
	// An ES256 key in COSE (RFC 9053, section 7.1).
	cose, err := webauthncbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: public[1:33], -3: public[33:]})
	if err != nil {
		a.Fatal(err)
	}
	attested := slices.Concat(make([]byte, 16), binary.BigEndian.AppendUint16(nil, uint16(len(a.ID))), a.ID, cose) // #nosec G115 -- it is short
	object, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": a.data(attested)})
	if err != nil {
		a.Fatal(err)
	}
	return a.marshal(map[string]any{
		"id": encoded(a.ID), "rawId": encoded(a.ID), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{
			"clientDataJSON": encoded(a.clientData("webauthn.create", o.Challenge)), "attestationObject": encoded(object), "transports": []string{"internal", "made-up"},
		},
	})
}

// Get signs the challenge of the options, and returns the browser's answer.
func (a *Authenticator) Get(raw []byte) []byte {
	a.Helper()
	client, data := a.clientData("webauthn.get", a.read(raw).Challenge), a.data(nil)
	hash := sha256.Sum256(client)
	signed := sha256.Sum256(slices.Concat(data, hash[:]))
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, signed[:])
	if err != nil {
		a.Fatal(err)
	}
	return a.marshal(map[string]any{
		"id": encoded(a.ID), "rawId": encoded(a.ID), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{
			"clientDataJSON": encoded(client), "authenticatorData": encoded(data), "signature": encoded(signature), "userHandle": encoded(a.Handle),
		},
	})
}
