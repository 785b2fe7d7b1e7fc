package views

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// Run is a demo of five minutes that arranges itself: somebody reads out what each step
// says, and sees the pages of the contractor and of support side by side.
type Run struct {
	// Company is whom the run is about. Owner and Support are the people whose pages
	// it shows.
	Company        string
	Owner, Support DemoAccount
	Steps          []RunStep
}

// Scene is what a step of a run needs to be true.
type Scene string

// The scenes.
const (
	// SceneNothing is a company without a connection that works.
	SceneNothing Scene = "nothing"
	// SceneWorking is a connection that works.
	SceneWorking Scene = "working"
	// SceneDown is a connection while ServiceTitan is down.
	SceneDown Scene = "down"
	// SceneWithdrawn is a connection whose access was taken back at ServiceTitan.
	SceneWithdrawn Scene = "withdrawn"
)

// RunStep is a step of a run.
type RunStep struct {
	Title string
	Scene Scene
	// Say is what the presenter says.
	Say string
	// Owner and Support say what to look at on each side. Text between asterisks is the
	// name of a button or a state.
	Owner, Support string
	// By is when the step should be over, counted from the start.
	By time.Duration
	// New shows the page that comes right after connecting.
	New bool
}

// RunLength is how long a run takes.
const RunLength = 5 * time.Minute

// RunPage is the page of a run at one of its steps.
type RunPage struct {
	*Run
	// At is the step, counted from 1.
	At int
	// Missed is the step that could not be arranged, because the sandbox does not answer. It
	// is 0 otherwise.
	Missed int
	// Begun is when the run began. It is zero before it has.
	Begun, Now time.Time
	// Mails are the subjects of the mails to the owner, newest first.
	Mails []string
	// MailboxURL and SandboxURL lead to the sandbox.
	MailboxURL, SandboxURL string
}

// Step returns the step that the page shows.
func (p RunPage) Step() RunStep { return p.Steps[p.At-1] }

// Last reports whether this is the last step.
func (p RunPage) Last() bool { return p.At == len(p.Steps) }

// elapsed returns the time since the run began.
func (p RunPage) elapsed() time.Duration {
	if p.Begun.IsZero() {
		return 0
	}
	return max(0, p.Now.Sub(p.Begun))
}

func (p RunPage) begun() string {
	if p.Begun.IsZero() {
		return ""
	}
	return strconv.FormatInt(p.Begun.Unix(), 10)
}

// clockWords returns a duration as 2:05.
func clockWords(d time.Duration) string {
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// RunSide is one of the two sides of a run.
type RunSide string

// The sides.
const (
	OwnerSide   RunSide = "contractor"
	SupportSide RunSide = "support"
)

// framePath returns the address of a side's page at a step.
func framePath(side RunSide, at int) string {
	return "/demo/run/" + string(side) + "/" + strconv.Itoa(at)
}

type framedKey struct{}

// framed is the page of a run's side in its frame.
type framed struct {
	side RunSide
	at   int
}

// Framed returns a context whose page is shown in a frame of a run. Such a page belongs to
// nobody's session: it has no banner of the demo, asks nothing about who is signed in, and
// follows its connection at the address of the frame.
func Framed(ctx context.Context, side RunSide, at int) context.Context {
	return context.WithValue(ctx, framedKey{}, framed{side, at})
}

// inFrame reports whether the page is shown in a frame of a run.
func inFrame(ctx context.Context) bool { _, in := framedIn(ctx); return in }

func framedIn(ctx context.Context) (framed, bool) {
	f, ok := ctx.Value(framedKey{}).(framed)
	return f, ok
}
