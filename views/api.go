package views

// APIPage describes the API, as its document does.
type APIPage struct {
	Title, Lead string
	// Introduction has what is true of all addresses.
	Introduction []APISection
	Examples     []APIExample
	Groups       []APIGroup
	Schemas      []APISchema
	Problems     []APIProblem
}

// Block is a paragraph, a list, or code. It has one of the three.
type Block struct {
	Text []Span
	List [][]Span
	Code string
}

// Span is a part of a text. Code is set in a typewriter face, and a part with a Href is
// a link.
type Span struct {
	Text string
	Code bool
	Href string
}

// APISection is a section of the introduction.
type APISection struct {
	ID, Title string
	Text      []Block
}

// APIExample is a program that uses the API, in several languages.
type APIExample struct {
	ID, Title, Lead string
	Files           []APIFile
}

// APIFile is a file of an example.
type APIFile struct{ Language, Name, Text string }

// APIGroup has the operations of one kind.
type APIGroup struct {
	ID, Title  string
	Text       []Block
	Operations []APIOperation
}

// APIOperation is one method of one address, or one event.
type APIOperation struct {
	ID, Title string
	// Method is empty for an event.
	Method, Path string
	// Scope is what the key needs. It is empty for an event.
	Scope      string
	Text       []Block
	Parameters []APIField
	// Body is what is sent. Its name is empty if there is nothing to send.
	Body    APIType
	Sent    string
	Request string
	Answers []APIAnswer
}

// APIType names the type of a value. Href leads to its description, if it has one of
// its own.
type APIType struct{ Name, Href string }

// APIField is a field of an object, or a parameter.
type APIField struct {
	Name     string
	Type     APIType
	Where    string // "query", "path", or "header"; empty for a field
	Required bool
	Text     []Block
}

// APIAnswer is one answer of an operation.
type APIAnswer struct {
	Status   string
	Text     []Block
	Body     APIType
	Problems []string
	Example  string
}

// APISchema is a kind of value.
type APISchema struct {
	ID, Name string
	Type     APIType
	Text     []Block
	Values   []string
	Fields   []APIField
	Example  string
}

// APIProblem is a kind of error.
type APIProblem struct {
	Name, Title string
	Status      int
	// Means says what the error means, and Remedy what to do about it.
	Means, Remedy string
}

// href returns the address of the page about the problem.
func (p APIProblem) href() string { return "/api/problems/" + p.Name }

// tone returns the color of a method.
func (o APIOperation) tone() string {
	switch o.Method {
	case "GET", "HEAD":
		return "info"
	case "":
		return "ok"
	}
	return "warn"
}

// verb returns what the badge of the operation says.
func (o APIOperation) verb() string {
	if o.Method == "" {
		return "event"
	}
	return o.Method
}
