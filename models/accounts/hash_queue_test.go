package accounts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// hashing is a queue under test. It records who got a turn.
type hashing struct {
	*testing.T
	*hashQueue
	mu     sync.Mutex
	served []string
	busy   int
	all    sync.WaitGroup
}

func newHashing(t *testing.T, slots int) *hashing {
	t.Helper()
	return &hashing{T: t, hashQueue: newHashQueue(slots, time.Now)}
}

func stranger(address string) hashAsker { return hashAsker{key: address} }

func known(account string) hashAsker { return hashAsker{key: account, known: true} }

// ask waits for a turn in the background. The turn takes the given time.
func (h *hashing) ask(ctx context.Context, asker hashAsker, takes time.Duration) {
	h.all.Go(func() {
		done, err := h.Turn(ctx, asker)
		if e, busy := errors.AsType[*BusyError](err); busy {
			if wait := time.Until(e.Until); wait < busyRetry || wait > 2*busyRetry {
				h.Errorf("busy for %s", wait)
			}
			h.note(func() { h.busy++ })
			return
		}
		if err != nil {
			return
		}
		h.note(func() { h.served = append(h.served, asker.key) })
		<-time.After(takes)
		done()
		done() // calling it again changes nothing
	})
	synctest.Wait()
}

// waiting returns how many wait in each line, and how many were told to come back.
func (h *hashing) waiting() (known, strangers, busy int) {
	h.hashQueue.mu.Lock()
	known, strangers = h.known.waiting, h.stranger.waiting
	h.hashQueue.mu.Unlock()
	h.note(func() { busy = h.busy })
	return known, strangers, busy
}

func (h *hashing) note(what func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	what()
}

func (h *hashing) wants(served []string, busy int) {
	h.Helper()
	h.all.Wait()
	if !slices.Equal(h.served, served) || h.busy != busy {
		h.Errorf("served %q, %d told to come back; want %q, %d", h.served, h.busy, served, busy)
	}
	if h.known.waiting+h.stranger.waiting+len(h.known.byKey)+len(h.stranger.byKey)+len(h.known.order)+len(h.stranger.order) != 0 {
		h.Errorf("somebody is still in a line")
	}
}

const hash = 10 * time.Millisecond

func TestHashQueueGoesRoundByAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHashing(t, 1)
		for range 4 {
			h.ask(t.Context(), stranger("a"), hash)
		}
		h.ask(t.Context(), stranger("b"), hash)
		h.ask(t.Context(), stranger("c"), hash)
		h.wants([]string{"a", "a", "b", "c", "a", "a"}, 0)
	})
}

// Known devices come first, and their accounts take turns. They do not starve the
// others.
func TestHashQueueServesKnownDevicesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHashing(t, 1)
		for range 3 {
			h.ask(t.Context(), stranger("a"), hash)
		}
		for range 4 {
			h.ask(t.Context(), known("Dana"), hash)
		}
		h.ask(t.Context(), known("Amy"), hash)
		h.wants([]string{"a", "Dana", "Amy", "Dana", "a", "Dana", "Dana", "a"}, 0)
	})
}

// If there are several slots, strangers leave one to known devices.
func TestHashQueueKeepsASlotForKnownDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHashing(t, 2)
		h.ask(t.Context(), stranger("a"), hash)
		h.ask(t.Context(), stranger("b"), hash)
		h.ask(t.Context(), known("Dana"), hash)
		h.wants([]string{"a", "Dana", "b"}, 0)
	})
}

// If too many wait, a new asker is told at once to come back. There are limits by
// address, by account, and in all. One address cannot lock out the people of
// another.
func TestHashQueueIsBounded(t *testing.T) {
	tests := map[string]struct {
		ask        func(h *hashing)
		busy, most int
	}{
		"an address": {func(h *hashing) {
			for range 90 {
				h.ask(h.Context(), stranger("a"), hash)
			}
		}, 90 - 1 - hashWaitersPerAddress, hashWaitersPerAddress},
		"an account": {func(h *hashing) {
			for range 90 {
				h.ask(h.Context(), known("Dana"), hash)
			}
		}, 90 - 1 - hashWaitersPerAccount, hashWaitersPerAccount},
		"many addresses": {func(h *hashing) {
			for i := range 1500 {
				h.ask(h.Context(), stranger(fmt.Sprint(i)), hash)
			}
		}, 1500 - 1 - hashWaiters, hashWaiters},
		"many accounts": {func(h *hashing) {
			for i := range 1500 {
				h.ask(h.Context(), known(fmt.Sprint(i)), hash)
			}
		}, 1500 - 1 - hashWaiters, hashWaiters},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHashing(t, 1)
				began := time.Now()
				test.ask(h)
				if known, strangers, busy := h.waiting(); known+strangers != test.most || busy != test.busy {
					t.Errorf("%d wait, %d were told to come back; want %d, %d", known+strangers, busy, test.most, test.busy)
				}
				if took := time.Since(began); took != 0 {
					t.Errorf("it took %s to tell them", took)
				}
				h.all.Wait()
			})
		})
	}
}

func TestHashQueueMakesPlaceForOtherAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHashing(t, 1)
		h.ask(t.Context(), stranger("first"), hash)
		for _, address := range []string{"a", "b"} {
			for range hashWaitersPerAddress {
				h.ask(t.Context(), stranger(address), hash)
			}
		}
		h.ask(t.Context(), stranger("c"), hash)
		if _, strangers, busy := h.waiting(); busy != 1 || strangers != hashWaiters {
			t.Errorf("%d told to come back, %d wait", busy, strangers)
		}
		h.all.Wait()
		if got := h.served[:4]; !slices.Equal(got, []string{"first", "a", "b", "c"}) {
			t.Errorf("the first turns: %q", got)
		}
	})
}

// An asker who leaves takes no turn. One who waits too long is told to come back.
func TestHashQueueForgetsWhoLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHashing(t, 1)
		h.ask(t.Context(), stranger("slow"), hashPatience+time.Second)
		ctx, leave := context.WithCancel(t.Context())
		h.ask(ctx, stranger("gone"), hash)
		h.ask(t.Context(), stranger("patient"), hash)
		leave()
		synctest.Wait()
		if _, strangers, _ := h.waiting(); strangers != 1 {
			t.Errorf("%d wait, want 1", strangers)
		}
		<-time.After(hashPatience)
		synctest.Wait()
		h.ask(t.Context(), stranger("next"), hash)
		h.wants([]string{"slow", "next"}, 1)

		h = newHashing(t, 1)
		h.ask(t.Context(), stranger("slow"), knownHashPatience+time.Second)
		h.ask(t.Context(), known("Dana"), hash)
		<-time.After(hashPatience)
		synctest.Wait()
		if known, _, _ := h.waiting(); known != 1 {
			t.Error("the known device stopped waiting too soon")
		}
		h.wants([]string{"slow"}, 1)
	})
}
