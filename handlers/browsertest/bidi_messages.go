package browsertest

import (
	"encoding/json"
	"fmt"
	"strings"
)

// The events that tests need.
const (
	contextCreated    = "browsingContext.contextCreated"
	logEntryAdded     = "log.entryAdded"
	responseCompleted = "network.responseCompleted"
)

func as[T any](data json.RawMessage) (T, error) {
	var value T
	err := json.Unmarshal(data, &value)
	return value, err
}

type newSession struct {
	Capabilities struct{} `json:"capabilities"`
}

type subscription struct {
	Events []string `json:"events"`
}

type userContext struct {
	UserContext string `json:"userContext"`
}

type inContext struct {
	Context string `json:"context"`
}

type contextInfo struct {
	Context     string        `json:"context"`
	UserContext string        `json:"userContext"`
	Parent      string        `json:"parent"`
	URL         string        `json:"url"`
	Children    []contextInfo `json:"children"`
}

type contextTree struct {
	Contexts []contextInfo `json:"contexts"`
}

type treeOf struct {
	Root  string `json:"root,omitempty"`
	Scope string `json:"moz:scope,omitempty"`
}

type newTab struct {
	Type        string `json:"type"`
	UserContext string `json:"userContext"`
}

type navigation struct {
	Context string `json:"context"`
	URL     string `json:"url,omitempty"`
	Wait    string `json:"wait"`
}

type viewport struct {
	Context  string `json:"context"`
	Viewport size   `json:"viewport"`
}

type size struct {
	Width  int64 `json:"width"`
	Height int64 `json:"height"`
}

type picture struct {
	Context string `json:"context"`
	Origin  string `json:"origin"`
}

type pictureData struct {
	Data []byte `json:"data"`
}

type evaluation struct {
	Expression   string    `json:"expression"`
	Target       inContext `json:"target"`
	AwaitPromise bool      `json:"awaitPromise"`
}

type evaluated struct {
	Type      string      `json:"type"`
	Result    remoteValue `json:"result"`
	Exception struct {
		Text string `json:"text"`
	} `json:"exceptionDetails"`
}

type remoteValue struct {
	Type     string          `json:"type"`
	Value    json.RawMessage `json:"value"`
	SharedID string          `json:"sharedId"`
}

type actions struct {
	Context string         `json:"context"`
	Actions []inputActions `json:"actions"`
}

type inputActions struct {
	Type    string   `json:"type"`
	ID      string   `json:"id"`
	Actions []action `json:"actions"`
}

// action is a step of a key or of the mouse.
type action struct {
	Type   string  `json:"type"`
	Value  string  `json:"value,omitempty"`
	X      *int    `json:"x,omitempty"`
	Y      *int    `json:"y,omitempty"`
	Button *int    `json:"button,omitempty"`
	Origin *origin `json:"origin,omitempty"`
}

// origin is an element whose center is the point 0, 0.
type origin struct {
	Type    string  `json:"type"`
	Element element `json:"element"`
}

type element struct {
	SharedID string `json:"sharedId"`
}

type newCookie struct {
	Cookie    cookie    `json:"cookie"`
	Partition partition `json:"partition"`
}

type cookie struct {
	Name   string      `json:"name"`
	Value  cookieValue `json:"value"`
	Domain string      `json:"domain"`
}

type cookieValue struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

type partition struct {
	Type        string `json:"type"`
	UserContext string `json:"userContext"`
}

type logEntry struct {
	Level  string    `json:"level"`
	Text   string    `json:"text"`
	Source inContext `json:"source"`
	Stack  struct {
		Frames []struct {
			URL string `json:"url"`
		} `json:"callFrames"`
	} `json:"stackTrace"`
}

// String returns the entry in the words of Chromium, where tests expect them.
func (e logEntry) String() string {
	said := e.Level + ": " + strings.Replace(e.Text, "Content-Security-Policy", "Content Security Policy", 1)
	if len(e.Stack.Frames) > 0 {
		said += " " + e.Stack.Frames[0].URL
	}
	return said
}

type response struct {
	Context  string `json:"context"`
	Response struct {
		URL        string `json:"url"`
		Status     int    `json:"status"`
		StatusText string `json:"statusText"`
	} `json:"response"`
}

// String returns what the console of Chromium says of a failed response. The one of
// Firefox says nothing.
func (r response) String() string {
	return fmt.Sprintf("error: Failed to load resource: the server responded with a status of %d (%s) %s", r.Response.Status, r.Response.StatusText, r.Response.URL)
}
