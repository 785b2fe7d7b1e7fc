package sandbox

import (
	"encoding/binary"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Planned is a fault that is switched on.
type Planned struct {
	Fault
	// ID names it for ClearFault.
	ID int
	// Outage says that the fault is the outage that TakeDown began.
	Outage bool
	// Met is how many requests have met the fault, and Fired how often it has fired.
	Met, Fired int
	// since is when the fault was planned.
	since moment
}

// faults holds the planned faults, in the order in which they were set.
type faults struct {
	planned  []*Planned
	last     int
	released chan struct{}
}

func (f *faults) clear() {
	f.planned = nil
	f.release()
}

// release sends delayed answers, and drops the Hold faults.
func (f *faults) release() {
	if f.released != nil {
		close(f.released)
	}
	f.released = make(chan struct{})
	f.planned = slices.DeleteFunc(f.planned, func(p *Planned) bool { return p.Kind == Hold })
}

// SetFault plans a fault. Each request meets at most one: the first set that fits it.
// SetFault panics if PlanFault would refuse the fault.
func (s *Sandbox) SetFault(f Fault) {
	if _, err := s.PlanFault(f); err != nil {
		panic("sandbox: " + err.Error())
	}
}

// PlanFault plans a fault that a person or program entered. It refuses one that could
// never fire.
func (s *Sandbox) PlanFault(f Fault) (Planned, error) {
	if f.Path == "" {
		f.Path = f.Kind.path()
	}
	if err := f.check(s.all()); err != nil {
		return Planned{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.last++
	planned := Planned{Fault: f, ID: s.faults.last, since: s.moment()}
	s.faults.planned = append(s.faults.planned, &planned)
	return planned, nil
}

// Faults returns the faults that are switched on, in the order in which they were set.
func (s *Sandbox) Faults() []Planned {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Planned, len(s.faults.planned))
	for i, p := range s.faults.planned {
		list[i] = *p
	}
	return list
}

// ClearFault switches off one planned fault, and reports whether there was one. Answers
// that it delays are sent.
func (s *Sandbox) ClearFault(id int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.faults.planned, func(p *Planned) bool { return p.ID == id })
	if at < 0 {
		return false
	}
	kind := s.faults.planned[at].Kind
	s.faults.planned = slices.Delete(s.faults.planned, at, at+1)
	if kind == Hold {
		s.faults.release()
	}
	return true
}

// ClearFaults switches off all planned faults, and sends the answers that they delay.
func (s *Sandbox) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.clear()
}

// Release sends the answers that are held, and switches off the Hold faults.
func (s *Sandbox) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.release()
}

// metFault is the fault that a request meets. The zero value is none.
type metFault struct {
	Fault
	// plan is where the fault is counted, and clock where the skew is counted.
	plan, clock *Planned
	skew        time.Duration
	released    <-chan struct{}
}

// takeFault returns the fault that a request meets, with the clock's skew for it.
func (s *Sandbox) takeFault(method string, line *Request) metFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	met := metFault{released: s.faults.released}
	s.faults.planned = slices.DeleteFunc(s.faults.planned, func(p *Planned) bool {
		if !p.fits(method, line) {
			return false
		}
		switch {
		case p.Kind == ClockSkew && met.clock == nil:
			met.clock, met.skew = p, p.Skew
		case p.Kind != ClockSkew && met.plan == nil:
			met.plan, met.Fault = p, p.Fault
		default:
			return false
		}
		p.Met++
		return p.Met == p.Times
	})
	return met
}

func (p *Planned) fits(method string, line *Request) bool {
	return p.meets(line.Path) && (p.TenantID == 0 || p.TenantID == line.TenantID) && p.concerns(line.TenantID) &&
		(!p.Kind.ofConsent() || method == http.MethodPost)
}

// meets reports whether the fault is about an endpoint.
func (f Fault) meets(path string) bool {
	if path == pathServerMetadata {
		path = PathDiscovery
	}
	switch f.Path {
	case Everywhere:
		return slices.Contains(endpoints(), path)
	case WholeAPI:
		return isAPI(path)
	}
	return f.Path == path
}

// concerns reports whether a tenant is in the fault's share.
func (f Fault) concerns(tenantID int64) bool {
	switch f.Percent {
	case 0, 100:
		return true
	}
	return tenantID != 0 && percentile(tenantID) < f.Percent
}

// percentile returns a number from 0 to 99, which is always the same for a tenant. Any
// share of the tenants is spread over their IDs.
func percentile(tenantID int64) int {
	h := hash(strconv.FormatInt(tenantID, 10))
	return int(binary.BigEndian.Uint32(h[:]) % 100)
}
