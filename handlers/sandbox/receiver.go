package sandbox

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	pathWebhooks      = "/webhooks"
	pathWebhookAnswer = pathWebhooks + "/answer"
	// messagesKept is how many messages the receiver holds.
	messagesKept = 100
	// slowAnswer is longer than Fieldbridge waits for an answer.
	slowAnswer = 30 * time.Second
)

// receiverAnswer is how the receiver answers.
type receiverAnswer string

const (
	takesMessages    receiverAnswer = "takes"
	failsMessages    receiverAnswer = "fails"
	refusesMessages  receiverAnswer = "gone"
	answersTooSlowly receiverAnswer = "slow"
)

// receiverAnswers lists what the receiver can answer, with words for it.
var receiverAnswers = []struct {
	answer receiverAnswer
	status int
	words  string
}{
	{takesMessages, http.StatusNoContent, "204: take every message"},
	{failsMessages, http.StatusInternalServerError, "500: fail, and get it again later"},
	{refusesMessages, http.StatusGone, "410: want no more messages"},
	{answersTooSlowly, http.StatusNoContent, "Answer after 30 seconds, which is too late"},
}

// message is a message as the receiver got it.
type message struct {
	at       time.Time
	id, kind string
	// problem says why the message failed verification. It is empty if it is genuine.
	problem string
	// again says that a message with this ID came before.
	again  bool
	status int
	body   string
}

func (m message) when() string   { return m.at.UTC().Format("Jan 2, 3:04:05 PM") }
func (m message) moment() string { return m.at.UTC().Format(time.RFC3339) }

// receiver holds the messages, oldest first.
type receiver struct {
	messages []message
	answer   receiverAnswer
}

// receive takes a webhook message from Fieldbridge, as the back end of the sample app
// would: it verifies the signature first. The body is verified as it came.
func (s *Sandbox) receive(a *answer, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(a, "the message is too large", http.StatusRequestEntityTooLarge)
		return
	}
	m := message{at: s.now(), id: r.Header.Get(standardwebhooks.HeaderWebhookID), body: string(body)}
	if hook, err := standardwebhooks.NewWebhook(s.sampleApp().WebhookSecret); err != nil {
		m.problem = err.Error()
	} else if err := hook.Verify(body, r.Header); err != nil {
		m.problem = err.Error()
	}
	var envelope struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(body, &envelope) == nil {
		m.kind = envelope.Type
	}
	var indented bytes.Buffer
	if json.Indent(&indented, body, "", "  ") == nil {
		m.body = indented.String()
	}
	how := s.file(&m)
	if how == answersTooSlowly && !wait(r.Context(), slowAnswer, nil) {
		return
	}
	a.WriteHeader(m.status)
}

// file keeps a message, and decides how it is answered.
func (s *Sandbox) file(m *message) receiverAnswer {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := &s.receiver
	m.again = slices.ContainsFunc(box.messages, func(other message) bool { return other.id == m.id && other.problem == "" })
	m.status = statusOf(box.answer)
	if m.problem != "" {
		m.status = http.StatusUnauthorized
	}
	box.messages = append(box.messages, *m)
	if over := len(box.messages) - messagesKept; over > 0 {
		box.messages = slices.Delete(box.messages, 0, over)
	}
	return box.answer
}

func statusOf(how receiverAnswer) int {
	for _, known := range receiverAnswers {
		if known.answer == how {
			return known.status
		}
	}
	return http.StatusNoContent
}

// received returns the messages, newest first, and how the receiver answers.
func (s *Sandbox) received() ([]message, receiverAnswer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.receiver.messages)
	slices.Reverse(list)
	return list, s.receiver.answer
}

func (s *Sandbox) webhookList(a *answer, r *http.Request) {
	live := r.URL.Query().Get("live") == "1"
	if live {
		a.header.Set("Refresh", liveEvery)
	}
	messages, how := s.received()
	a.page(r.Context(), http.StatusOK, s.webhooksPage(messages, how, live))
}

// chooseAnswer changes how the receiver answers.
func (s *Sandbox) chooseAnswer(a *answer, r *http.Request) {
	if !same(r.PostForm.Get("token"), s.formToken) {
		http.Error(a, "the form is too old; load the page again", http.StatusForbidden)
		return
	}
	chosen := receiverAnswer(r.PostForm.Get("answer"))
	for _, known := range receiverAnswers {
		if known.answer == chosen {
			s.mu.Lock()
			s.receiver.answer = chosen
			s.mu.Unlock()
		}
	}
	a.seeOther(pathWebhooks)
}
