package accounts

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/netip"
	"time"

	"gorm.io/gorm"
)

// The limits of sign-in. A device that has signed in to the account before has
// counts of its own, so that no stranger can lock its owner out, not even from
// the same address.
var (
	// signInsPerAddress counts every try, right ones too. An office of 40 people
	// behind one address does not come near it.
	signInsPerAddress = Limit{"sign-ins-address", 300, 15 * time.Minute}
	// signInPerAddress and signInPerPair count wrong tries: of an address, and of
	// an address for one account.
	signInPerAddress = Limit{"signin-address", 100, 15 * time.Minute}
	signInPerPair    = Limit{"signin-pair", 10, 15 * time.Minute}
	signInPerDevice  = Limit{"signin-device", 10, 15 * time.Minute}
	// signInsPerAccount counts what strangers cannot do: right tries, and tries on
	// known devices.
	signInsPerAccount = Limit{"sign-ins-account", 60, 15 * time.Minute}

	// signInLane counts the wrong tries of strangers for an account, from whatever
	// address. After so many each try is followed by a pause. The account is never
	// closed.
	signInLane  = Limit{"signin-lane", 10, 24 * time.Hour}
	signInPause = Limit{"signin-pause", 1, longestSignInPause}
	// signInAlarm is after how many of them the account's owner is told, and
	// signInTold how often.
	signInAlarm = Limit{"signin-alarm", 20, 24 * time.Hour}
	signInTold  = Limit{"signin-told", 1, 24 * time.Hour}

	signUpPerAddress = Limit{"signup-address", 20, time.Hour}
)

const (
	// firstSignInPause follows the last try that was free. Each pause is twice as long as
	// the one before, up to longestSignInPause.
	firstSignInPause   = time.Second
	longestSignInPause = 2 * time.Minute
	// signInLanes is into how many lanes the networks are divided that try one
	// account. A few networks that keep on trying slow down their own lanes, and
	// not the one in which the owner comes on a new device.
	signInLanes = 8
)

// pauseAfter is the pause that follows the n-th try in a lane.
func pauseAfter(n int) time.Duration {
	if n < signInLane.Tries {
		return 0
	}
	return min(firstSignInPause<<min(n-signInLane.Tries, 10), longestSignInPause)
}

// signInAttempt is a try to sign in, by what it is counted.
type signInAttempt struct {
	Email, Address string
	// device names a device that has signed in to the account before; empty for
	// strangers.
	device string
}

// laneOf divides networks: the /24 of an IPv4 address, and the /48 of IPv6.
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

// asker is who wants a turn to hash.
func (t signInAttempt) asker() hashAsker {
	if t.device != "" {
		return hashAsker{key: t.Email, known: true}
	}
	return hashAsker{key: t.Address}
}

// keys are those of all limits that may refuse the try.
func (t signInAttempt) keys() []string {
	if t.device != "" {
		return []string{signInsPerAccount.key(t.Email), signInPerDevice.key(t.device)}
	}
	return []string{
		signInsPerAddress.key(t.Address), signInPerAddress.key(t.Address),
		signInPerPair.key(t.pair()), signInPause.key(t.lane()), signInsPerAccount.key(t.Email),
	}
}

// Count counts the try before anything is compared, or refuses it. It returns
// how many tries strangers have made for the account. The order of the limits is
// the same everywhere: on PostgreSQL two transactions that lock their rows in
// another order would wait for each other.
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
	if wait := pauseAfter(lane.N); wait > 0 {
		if err := signInPause.pause(tx, t.lane(), now, wait); err != nil {
			return 0, err
		}
	}
	all, err := signInAlarm.add(tx, t.Email, now)
	return all.N, err
}

// Worked takes a right try off the counts of wrong ones, and counts it for the
// account.
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

// limited runs a write that may refuse, unless this instance knows that it would
// be refused, and remembers a refusal.
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
