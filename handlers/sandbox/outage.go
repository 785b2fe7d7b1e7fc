package sandbox

import (
	"fmt"
	"slices"
)

// outageKinds returns the ways in which the environment can be down.
func outageKinds() []FaultKind { return []FaultKind{Status503, NoAnswer, ResetBefore, Status500} }

// TakeDown makes the environment fail until BringBack. It fails everywhere unless the
// fault has a path, and for all tenants unless the fault has a share. The outage comes
// before every other fault, and replaces an earlier outage.
func (s *Sandbox) TakeDown(how Fault) (Planned, error) {
	f := Fault{Kind: how.Kind, Path: how.Path, Percent: how.Percent, RetryAfter: how.RetryAfter}
	if f.Path == "" {
		f.Path = Everywhere
	}
	if !slices.Contains(outageKinds(), f.Kind) {
		return Planned{}, fmt.Errorf("an outage cannot be %q", f.Kind)
	}
	if err := f.check(s.all()); err != nil {
		return Planned{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.endOutage()
	s.happen(TookDown, 0)
	s.faults.last++
	planned := Planned{Fault: f, ID: s.faults.last, Outage: true, since: s.moment()}
	s.faults.planned = slices.Insert(s.faults.planned, 0, &planned)
	return planned, nil
}

// BringBack ends the outage, and reports whether there was one.
func (s *Sandbox) BringBack() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	ended := s.faults.endOutage()
	if ended {
		s.happen(BroughtBack, 0)
	}
	return ended
}

func (f *faults) endOutage() bool {
	before := len(f.planned)
	f.planned = slices.DeleteFunc(f.planned, func(p *Planned) bool { return p.Outage })
	return before != len(f.planned)
}
