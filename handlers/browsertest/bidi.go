package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/coder/websocket"
)

// session is a connection to a browser that speaks WebDriver BiDi. A command has a
// number, and its answer has the same. Events come in between.
type session struct {
	conn  *websocket.Conn
	heard func(event string, params json.RawMessage)
	ended chan struct{}

	mu      sync.Mutex
	sent    int
	waiting map[int]chan<- message
}

// message is what the browser sends: an answer or an event.
type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"` // of an event
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  string          `json:"error"`
	Reason string          `json:"message"`
}

// dial connects to a browser. It passes the events on in their order.
func dial(ctx context.Context, address string, heard func(event string, params json.RawMessage)) (*session, error) {
	conn, _, err := websocket.Dial(ctx, address, nil)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(-1) // of pictures
	s := &session{conn: conn, heard: heard, ended: make(chan struct{}), waiting: map[int]chan<- message{}}
	go s.read()
	return s, nil
}

func (s *session) read() {
	defer close(s.ended)
	for {
		_, data, err := s.conn.Read(context.Background())
		if err != nil {
			return
		}
		var m message
		if err := json.Unmarshal(data, &m); err != nil {
			return
		}
		if m.Method != "" {
			s.heard(m.Method, m.Params)
			continue
		}
		s.mu.Lock()
		waiting := s.waiting[m.ID]
		delete(s.waiting, m.ID)
		s.mu.Unlock()
		if waiting != nil {
			waiting <- m
		}
	}
}

// send sends a command.
func send[P any](s *session, method string, params P) (<-chan message, error) {
	answer := make(chan message, 1)
	s.mu.Lock()
	s.sent++
	id := s.sent
	s.waiting[id] = answer
	s.mu.Unlock()
	command, err := json.Marshal(struct {
		ID     int    `json:"id"`
		Method string `json:"method"`
		Params P      `json:"params"`
	}{id, method, params})
	if err != nil {
		return nil, err
	}
	// A write that its context interrupts would end the connection.
	return answer, s.conn.Write(context.Background(), websocket.MessageText, command)
}

// call sends a command, and returns its result.
func call[R, P any](ctx context.Context, s *session, method string, params P) (R, error) {
	var result R
	answer, err := send(s, method, params)
	if err != nil {
		return result, fmt.Errorf("%s: %w", method, err)
	}
	select {
	case m := <-answer:
		if m.Error != "" {
			return result, fmt.Errorf("%s: %s: %s", method, m.Error, m.Reason)
		}
		return result, json.Unmarshal(m.Result, &result)
	case <-s.ended:
		return result, fmt.Errorf("%s: the browser has ended the connection", method)
	case <-ctx.Done():
		return result, fmt.Errorf("%s: %w", method, ctx.Err())
	}
}

// do sends a command whose result tells nothing.
func do[P any](ctx context.Context, s *session, method string, params P) error {
	_, err := call[struct{}](ctx, s, method, params)
	return err
}
