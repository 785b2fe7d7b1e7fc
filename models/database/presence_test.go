package database

import (
	"maps"
	"testing"
	"time"
)

// Who counts as dead, by what was seen when.
func TestPresence(t *testing.T) {
	const other = 7
	start := time.Now()
	clock := start.Add(time.Hour) // the database's
	with, without := map[int64]bool{1: true, other: true}, map[int64]bool{1: true}
	type step struct {
		at   time.Duration
		keys map[int64]bool // nil: the session is lost
	}
	for name, tt := range map[string]struct {
		steps []step
		taken time.Duration
		asked time.Duration
		want  bool
	}{
		"nobody has looked":                 {nil, 0, time.Hour, false},
		"it is there":                       {[]step{{0, with}, {2 * time.Second, with}}, 0, 2 * time.Second, false},
		"it has just gone":                  {[]step{{0, with}, {time.Second, without}}, 0, time.Second, false},
		"it has not been gone for long":     {[]step{{0, with}, {time.Second, without}, {time.Second + absentFor - 1, without}}, 0, time.Second + absentFor, false},
		"it has been gone for long enough":  {[]step{{0, with}, {time.Second, without}, {time.Second + absentFor, without}}, 0, time.Second + absentFor, true},
		"it has come back":                  {[]step{{0, with}, {time.Second, without}, {time.Second + absentFor, with}}, 0, time.Second + absentFor, false},
		"it has come back and gone again":   {[]step{{0, with}, {1, without}, {absentFor, with}, {absentFor + 1, without}}, 0, absentFor + 1, false},
		"it was never there, at the start":  {[]step{{0, without}, {absentFor - 1, without}}, -time.Second, absentFor - 1, false},
		"it was never there, for a while":   {[]step{{0, without}, {absentFor, without}}, -time.Second, absentFor, true},
		"the last look is too old":          {[]step{{0, without}, {absentFor, without}}, -time.Second, absentFor + confirmedFor + 1, false},
		"it came and went between looks":    {[]step{{0, without}, {5 * time.Second, without}}, time.Second, 5 * time.Second, false},
		"all sessions were lost":            {[]step{{0, with}, {1, nil}, {2, without}, {10 * time.Second, without}}, 0, 10 * time.Second, false},
		"all sessions were lost, and twice": {[]step{{0, with}, {1, nil}, {2, nil}, {3, without}, {10 * time.Second, without}}, 0, 10 * time.Second, false},
		"no lease is from before the loss":  {[]step{{0, with}, {1, nil}, {2, without}, {2 + LeaseLife, without}}, 0, 2 + LeaseLife, true},
		"it was seen again after the loss":  {[]step{{0, with}, {1, nil}, {2, with}, {3, without}, {3 + absentFor, without}}, 0, 3 + absentFor, true},
		"no session was had at first":       {[]step{{0, nil}, {1, without}, {1 + absentFor, without}}, -time.Second, 1 + absentFor, true},
		"gone for so long that it is forgotten": {
			[]step{{0, with}, {1, without}, {3 * LeaseLife, without}, {4 * LeaseLife, without}},
			0, 4 * LeaseLife, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var p presence
			for _, s := range tt.steps {
				if s.keys == nil {
					p.lose()
					continue
				}
				p.saw(look{start.Add(s.at), clock.Add(s.at)}, maps.Clone(s.keys))
			}
			if got := p.dead(other, clock.Add(tt.taken), start.Add(tt.asked)); got != tt.want {
				t.Errorf("dead: %t, want %t", got, tt.want)
			}
		})
	}
}

// Who came and went between two looks is dead a while later all the same.
func TestPresenceOfAShortLife(t *testing.T) {
	start := time.Now()
	var p presence
	for _, at := range []time.Duration{0, 5 * time.Second} {
		p.saw(look{start.Add(at), start.Add(at)}, map[int64]bool{})
	}
	at := start.Add(5 * time.Second)
	if p.dead(7, start.Add(time.Second), at) {
		t.Error("dead at once")
	}
	at = at.Add(absentFor)
	p.saw(look{at, at}, map[int64]bool{})
	if !p.dead(7, start.Add(time.Second), at) {
		t.Error("not dead a while later")
	}
}
