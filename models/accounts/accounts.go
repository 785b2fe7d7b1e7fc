package accounts

import (
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

// Accounts is the store of people and their companies. It signs people up and in.
type Accounts struct {
	db       *database.DB
	keys     *seal.Keys
	hasher   *hasher
	refusals *knownRefusals
	signIns  *signInRecord
}

// New returns the accounts in a database. At most parallelHashes passwords are
// hashed at a time.
func New(db *database.DB, keys *seal.Keys, parallelHashes int, options ...HashOption) *Accounts {
	h := &hasher{queue: newHashQueue(parallelHashes, db.Now), params: hashParams(), decoy: decoy}
	for _, option := range options {
		option(h)
	}
	return &Accounts{db: db, keys: keys, hasher: h, refusals: newKnownRefusals(), signIns: newSignInRecord()}
}
