package accounts

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/netip"
	"time"

	"gorm.io/gorm"
)

// The limits of signing in. A device that has signed in to the account before has
// separate counts. So no stranger can lock its owner out, not even from the same
// address.
var (
	// signInsPerAddress counts all attempts from an address, including right ones.
	// An office of 40 people behind one address stays far below it.
	signInsPerAddress = Limit{"sign-ins-address", 300, 15 * time.Minute}
	// signInPerAddress and signInPerPair count wrong attempts: from an address, and
	// from an address for one account.
	signInPerAddress = Limit{"signin-address", 100, 15 * time.Minute}
	signInPerPair    = Limit{"signin-pair", 10, 15 * time.Minute}
	signInPerDevice  = Limit{"signin-device", 10, 15 * time.Minute}
	// signInsPerAccount counts what strangers cannot do: right attempts, and
	// attempts on known devices.
	signInsPerAccount = Limit{"sign-ins-account", 60, 15 * time.Minute}

	// signInLane counts the wrong attempts of strangers for an account from a group
	// of networks. After that many, each attempt is followed by a pause. The
	// account is never closed.
	signInLane  = Limit{"signin-lane", 10, 24 * time.Hour}
	signInPause = Limit{"signin-pause", 1, longestSignInPause}
	// signInAlarm is how many such attempts make us warn the person whose account
	// it is, and signInTold is how often we do.
	signInAlarm = Limit{"signin-alarm", 20, 24 * time.Hour}
	signInTold  = Limit{"signin-told", 1, 24 * time.Hour}
)

const (
	// firstSignInPause follows the last attempt that is free. Each pause is twice
	// as long as the one before, up to longestSignInPause.
	firstSignInPause   = time.Second
	longestSignInPause = 2 * time.Minute
	// signInLanes is how many lanes the networks are divided into for each account.
	// A few networks that keep attempting slow down their own lanes, and probably
	// not the lane of the owner on a new device.
	signInLanes = 8
)

// pauseAfter returns the pause that follows the n-th attempt in a lane.
func pauseAfter(n int) time.Duration {
	if n < signInLane.Tries {
		return 0
	}
	return min(firstSignInPause<<min(n-signInLane.Tries, 10), longestSignInPause)
}

// signInAttempt is an attempt to sign in, with what the limits count it by.
type signInAttempt struct {
	Email, Address string
	// device identifies a device that has signed in to the account before. It is
	// empty for strangers.
	device string
}

// laneOf returns the lane of an address. All addresses of a network are in one
// lane: a /24 in IPv4, and a /48 in IPv6.
func laneOf(address string) string {
	network := address
	if prefix, err := netip.ParsePrefix(address); err == nil {
		network = prefix.Addr().String()
	}
	if ip, err := netip.ParseAddr(network); err == nil {
		bits := 48
		if ip.Is4() {
			bits = 24
		}
		if prefix, err := ip.Prefix(bits); err == nil {
			network = prefix.String()
		}
	}
	sum := sha256.Sum256([]byte(network))
	return string('0' + rune(sum[0]%signInLanes))
}

func (t signInAttempt) pair() string { return t.Email + " " + t.Address }

func (t signInAttempt) lane() string { return t.Email + " " + laneOf(t.Address) }

// asker returns who asks for a turn to hash.
func (t signInAttempt) asker() hashAsker {
	if t.device != "" {
		return hashAsker{key: t.Email, known: true}
	}
	return hashAsker{key: t.Address}
}

// keys returns the keys of all limits that may refuse the attempt.
func (t signInAttempt) keys() []string {
	if t.device != "" {
		return []string{signInsPerAccount.key(t.Email), signInPerDevice.key(t.device)}
	}
	return []string{
		signInsPerAddress.key(t.Address), signInPerAddress.key(t.Address),
		signInPerPair.key(t.pair()), signInPause.key(t.lane()), signInsPerAccount.key(t.Email),
	}
}

// Count counts the attempt before the password is compared, or refuses it. It
// returns how many attempts strangers have made for the account. All callers count
// in the same order. In PostgreSQL, two transactions that lock rows in different
// orders can deadlock.
func (t signInAttempt) Count(tx *gorm.DB, now time.Time) (strange int, err error) {
	if t.device != "" {
		err := signInsPerAccount.Take(tx, t.Email, now)
		if err == nil {
			err = signInPerDevice.Take(tx, t.device, now)
		}
		return 0, err
	}
	if err := signInsPerAddress.Take(tx, t.Address, now); err != nil {
		return 0, err
	}
	if err := signInPerAddress.Take(tx, t.Address, now); err != nil || t.Email == "" {
		return 0, err
	}
	if err := signInPerPair.Take(tx, t.pair(), now); err != nil {
		return 0, err
	}
	lane, err := signInLane.add(tx, t.lane(), now)
	if err != nil {
		return 0, err
	}
	if wait := pauseAfter(lane); wait > 0 {
		if err := signInPause.pause(tx, t.lane(), now, wait); err != nil {
			return 0, err
		}
	}
	return signInAlarm.add(tx, t.Email, now)
}

// Worked takes a right attempt off the counts of wrong ones, and adds it to the
// account's count.
func (t signInAttempt) Worked(tx *gorm.DB, now time.Time) error {
	if t.device != "" {
		return signInPerDevice.forget(tx, t.device)
	}
	err := errors.Join(
		signInPerAddress.giveBack(tx, t.Address), signInPerPair.forget(tx, t.pair()),
		signInLane.giveBack(tx, t.lane()), signInAlarm.giveBack(tx, t.Email),
	)
	if err != nil {
		return err
	}
	return signInsPerAccount.Take(tx, t.Email, now)
}

// limited runs a write that a limit may refuse, and remembers a refusal. It does
// not run the write if this instance already knows of a refusal.
func (a *Accounts) limited(ctx context.Context, keys []string, write func(tx *gorm.DB, now time.Time) error) error {
	now := a.db.Now()
	if err := a.refusals.Check(now, keys...); err != nil {
		return err
	}
	err := a.db.Write(ctx, func(tx *gorm.DB) error { return write(tx, now) })
	if e, refused := errors.AsType[*ThrottledError](err); refused {
		a.refusals.Remember(now, e.key, e.Until)
	}
	return err
}
