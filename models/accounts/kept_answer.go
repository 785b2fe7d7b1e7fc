package accounts

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

const (
	// AnswersKept is how long the answer to a request with an Idempotency-Key is kept.
	AnswersKept = 24 * time.Hour
	// claimKept is how long a request may be under way. It is longer than any request
	// takes. After it, the process that carried the request out has died.
	claimKept = 2 * time.Minute
	// answersPerKey is the most answers that are kept for an API key.
	answersPerKey = 10_000
)

var (
	// ErrKeyReused says that an Idempotency-Key was sent with another request before.
	ErrKeyReused = errors.New("idempotency key was sent with another request")
	// ErrUnderWay says that the first request with an Idempotency-Key has no answer yet.
	ErrUnderWay = errors.New("request with this idempotency key is under way")
)

// KeptAnswers keeps the answers to requests with an Idempotency-Key
// (draft-ietf-httpapi-idempotency-key-header), so that a request that is sent again
// does not happen twice. The answers are encrypted, because they may contain links.
type KeptAnswers struct {
	db   *database.DB
	keys *seal.Keys
}

// NewKeptAnswers returns the kept answers in a database.
func NewKeptAnswers(db *database.DB, keys *seal.Keys) *KeptAnswers {
	return &KeptAnswers{db: db, keys: keys}
}

// Answer is an answer to a request.
type Answer struct {
	Status int    `json:"-"`
	Type   string `json:"type"` // the content type
	Body   []byte `json:"body"`
}

// keptAnswer is the row of an Idempotency-Key.
type keptAnswer struct {
	ID           uuid.UUID `gorm:"primaryKey"`
	KeyID        uuid.UUID
	KeyHash      []byte
	Fingerprint  []byte
	Claim        string
	ClaimedAt    time.Time
	Status       int
	AnswerSealed []byte
	CreatedAt    time.Time
}

// TableName returns the table's name, which gorm would spell differently.
func (keptAnswer) TableName() string { return "idempotency_keys" }

// place binds the encrypted answer to its row, and to the API key.
func (k *keptAnswer) place() seal.Place {
	return seal.Place{Table: "idempotency_keys", Company: k.KeyID.String(), Row: k.ID.String(), Column: "answer_sealed"}
}

// Claim is the right to carry a request out. Finish or Release ends it.
type Claim struct {
	id, keyID uuid.UUID
	claim     string
}

// Claim claims a request that was sent with an API key and an Idempotency-Key, or
// returns the answer that the request got before. The fingerprint tells requests apart.
// Claim returns ErrKeyReused, ErrUnderWay, or a ThrottledError if too many answers are
// kept for the API key.
func (a *KeptAnswers) Claim(ctx context.Context, keyID uuid.UUID, sent string, fingerprint []byte) (Claim, *Answer, error) {
	now, hash := a.db.Now(), sha256.Sum256([]byte(sent))
	made := keptAnswer{ID: database.NewID(), KeyID: keyID, KeyHash: hash[:], Fingerprint: fingerprint, Claim: rand.Text(), ClaimedAt: now, CreatedAt: now}
	var row keptAnswer
	err := a.db.Write(ctx, func(tx *gorm.DB) (err error) {
		row, err = claim(tx, made)
		return err
	})
	if err != nil {
		return Claim{}, nil, fmt.Errorf("claim request: %w", err)
	}
	if row.Status == 0 {
		return Claim{id: row.ID, keyID: keyID, claim: row.Claim}, nil, nil
	}
	text, err := a.keys.Open(row.AnswerSealed, row.place())
	if err != nil {
		return Claim{}, nil, fmt.Errorf("open kept answer: %w", err)
	}
	answer := Answer{Status: row.Status}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return Claim{}, nil, fmt.Errorf("read kept answer: %w", err)
	}
	return Claim{}, &answer, nil
}

// claim makes a row, takes over the row of a request that has died, or returns the row
// of a request that has an answer.
func claim(tx *gorm.DB, made keptAnswer) (keptAnswer, error) {
	old := made.CreatedAt.Add(-AnswersKept)
	if err := tx.Exec("DELETE FROM idempotency_keys WHERE key_id = ? AND key_hash = ? AND created_at <= ?", made.KeyID, made.KeyHash, old).Error; err != nil {
		return keptAnswer{}, err
	}
	inserted := tx.Exec(`INSERT INTO idempotency_keys (id, key_id, key_hash, fingerprint, claim, claimed_at, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (key_id, key_hash) DO NOTHING`, made.ID, made.KeyID, made.KeyHash, made.Fingerprint, made.Claim, made.ClaimedAt, made.CreatedAt)
	if inserted.Error != nil {
		return keptAnswer{}, inserted.Error
	}
	if inserted.RowsAffected == 1 {
		return made, checkRoom(tx, made)
	}
	var row keptAnswer
	err := database.ForUpdate(tx).Where("key_id = ? AND key_hash = ?", made.KeyID, made.KeyHash).Take(&row).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return keptAnswer{}, ErrUnderWay // it was released just now
	case err != nil:
		return keptAnswer{}, err
	case !bytes.Equal(row.Fingerprint, made.Fingerprint):
		return keptAnswer{}, ErrKeyReused
	case row.Status != 0:
		return row, nil
	case made.ClaimedAt.Sub(row.ClaimedAt) < claimKept:
		return keptAnswer{}, ErrUnderWay
	}
	row.Claim, row.ClaimedAt = made.Claim, made.ClaimedAt
	return row, tx.Model(&keptAnswer{}).Where("id = ?", row.ID).Updates(map[string]any{"claim": row.Claim, "claimed_at": row.ClaimedAt}).Error
}

// checkRoom returns a ThrottledError if too many answers are kept for an API key.
func checkRoom(tx *gorm.DB, made keptAnswer) error {
	var n int
	err := database.QueryRow(tx, "SELECT count(*) FROM (SELECT 1 FROM idempotency_keys WHERE key_id = $1 LIMIT $2) kept", []any{made.KeyID, answersPerKey + 1}, &n)
	if err != nil || n <= answersPerKey {
		return err
	}
	var oldest time.Time
	err = database.QueryRow(tx, "SELECT created_at FROM idempotency_keys WHERE key_id = $1 ORDER BY created_at LIMIT 1", []any{made.KeyID}, &oldest)
	return errors.Join(err, &ThrottledError{Until: oldest.Add(AnswersKept)})
}

// Finish keeps the answer to a request. It has no effect if somebody else has claimed
// the request since.
func (a *KeptAnswers) Finish(ctx context.Context, c Claim, answer Answer) error {
	text, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("keep answer: %w", err)
	}
	row := keptAnswer{ID: c.id, KeyID: c.keyID}
	sealed, err := a.keys.Seal(string(text), row.place())
	if err != nil {
		return fmt.Errorf("keep answer: %w", err)
	}
	err = a.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&keptAnswer{}).Where("id = ? AND claim = ?", c.id, c.claim).
			Updates(map[string]any{"status": answer.Status, "answer_sealed": sealed}).Error
	})
	if err != nil {
		return fmt.Errorf("keep answer: %w", err)
	}
	return nil
}

// Release forgets a request whose answer is not kept, so that it can be sent again.
func (a *KeptAnswers) Release(ctx context.Context, c Claim) error {
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Exec("DELETE FROM idempotency_keys WHERE id = ? AND claim = ?", c.id, c.claim).Error
	})
	if err != nil {
		return fmt.Errorf("forget request: %w", err)
	}
	return nil
}
