package main

import (
	"bytes"
	"context"
	"errors"
	"io"
)

// errStopped says that a command was stopped before it had written everything.
var errStopped = errors.New("the export was stopped before its end")

// stoppable writes to a writer that may block forever, such as a pipe whose reader has
// stalled. When the context ends, it abandons a write under way and writes nothing
// more.
type stoppable struct {
	ctx context.Context // the command's, because Write takes none
	to  io.Writer
}

// Write implements io.Writer.
func (s stoppable) Write(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, errStopped
	}
	type result struct {
		n   int
		err error
	}
	written := make(chan result, 1)
	own := bytes.Clone(p) // the caller may change p after an abandoned write
	go func() {
		n, err := s.to.Write(own)
		written <- result{n, err}
	}()
	select {
	case r := <-written:
		return r.n, r.err
	case <-s.ctx.Done():
		return 0, errStopped
	}
}
