package pagetest

import (
	"fmt"
	"regexp"
	"strings"
)

// Readers are those for whom a text is written. A rule about words holds for some of
// them.
type Readers int

// The readers. Everybody is all of them.
const (
	// Contractors read the pages of companies, and letters.
	Contractors Readers = 1 << iota
	// Engineers read the pages about keys, webhooks, and the API.
	Engineers
	// Staff read the pages of support.
	Staff
	// Audiences read the sandbox and the texts of a demo.
	Audiences
	// Operators read what commands print, and the documents.
	Operators

	Everybody = onPages | Operators
	onPages   = Contractors | Engineers | Staff | Audiences
)

// rule forbids words to its readers. example breaks it.
type rule struct {
	words        pattern
	say, example string
	readers      Readers
}

// pattern matches any of several words, in lower case. Searching for their letters
// first is a hundred times faster than the expression, which hardly any text needs.
type pattern struct {
	letters []string
	words   *regexp.Regexp
}

// whole matches any of the words, which stand between bars.
func whole(words string) pattern {
	p := pattern{words: regexp.MustCompile(`\b(?:` + words + `)\b`)}
	depth, run, longest := 0, "", ""
	for _, r := range words + "|" {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case depth > 0:
		case r >= 'a' && r <= 'z', r == ' ', r == '-':
			run += string(r)
			continue
		}
		if len(run) > len(longest) {
			longest = run
		}
		run = ""
		if r == '|' && depth == 0 {
			p.letters, longest = append(p.letters, longest), ""
		}
	}
	return p
}

// find returns where the text has one of the words, or nil.
func (p pattern) find(text string) []int {
	for _, letters := range p.letters {
		if strings.Contains(text, letters) {
			return p.words.FindStringIndex(text)
		}
	}
	return nil
}

// rules is the vocabulary. TestEachRuleCanFail tries each example.
var rules = []rule{
	{whole(`behaviour|colour(?:ed|s)?|favour\w*|honour\w*|neighbour\w*|labour|centre|centres|licence|licences|catalogue|grey|programme|cheque`), "color, center, license", "The colour is grey.", Everybody},
	{whole(`cancell(?:ed|ing|s)|labell(?:ed|ing)|travell\w+|modell(?:ed|ing)|signall(?:ed|ing)|fulfil|fulfils|enrol|enrols|enrolment|judgement|learnt|spelt`), "canceled, labeled", "The request was cancelled.", Everybody},
	{whole(`organis\w+|recognis\w+|authoris\w+|synchronis\w+|optimis\w+|initialis\w+|summaris\w+|apologis\w+`), "authorize, recognize", "You are not authorised.", Everybody},
	{whole(`analys(?:e|ed|ing)|whilst|amongst|towards|afterwards|practise|practised`), "while, toward, afterward", "Whilst it is down, nothing is lost.", Everybody},
	{whole(`(?:to|can|cannot|will|must|please|we|you|they) setup|set-up|setup (?:a|an|the|your|it)`), "a setup, but to set up", "We setup the connection.", Everybody},
	{whole(`(?:you|we|they|people|to|can|must|please|then) log (?:in|on|out|off)|logged (?:in|out|on|off)|logging (?:in|out|off)|login|logins|log-in|log-ins|logout|logouts|log-out|log-on|signin|signout|(?:can|must|please) sign-(?:in|out)|sign into`), "sign in, sign out, and sign-in", "Please log in first.", Everybody},
	{whole(`mails|(?:a|an|one|no|another|each|every|the) mail(?:[.,:;]| (?:that|to|from|about|is|was|with|and|or|has|asks|in|of))|(?:reconnect|this|that) mail|e-mail|e-mails`), "an email, emails", "We send a mail to them.", Everybody},
	{whole(`somebody`), "someone", "Ask somebody else.", Everybody},
	{whole(`(?:withdraw|withdraws|withdrew) (?:this|the|an|your) (?:setup|invitation|link)|(?:setup|invitation|link) (?:is|was) withdrawn`), "cancel", "Withdraw this setup.", Everybody},
	{whole(`try these`), "quick tours", "Try these first.", Everybody},
	{whole(`renewing the access|renew the access|renews the access`), "renew access", "Renewing the access did not work.", Everybody},
	{whole(`(?:set|set it|setup) (?:up )?(?:with|by) our staff`), "with us", "Set it up with our staff.", onPages},
	{whole(`verified address|proven address|address is not (?:verified|proven)`), "a confirmed address", "Nobody has a proven address.", onPages},
	{whole(`anew|begin again|begins again|hence|thus|thereby|herein|whereby|upon|shall|utiliz\w+|utilis\w+|in order to|kindly`), "a plainer word", "You begin anew.", onPages},
	{whole(`(?:only|cannot|could not|can|we|then) go on|go on (?:if|as soon|with)`), "continue", "Only go on if you know them.", onPages},
	{pattern{[]string{"e.g.", "i.e.", "and/or"}, regexp.MustCompile(`\b(?:e\.g\.|i\.e\.|and/or)`)}, "such as, that is, or", "A note, e.g. why.", Everybody},
	{whole(`oops|whoops|uh-oh|sorry|click here`), "what happened, calmly", "Oops, sorry.", Everybody},
	{pattern{[]string{"!"}, regexp.MustCompile(`[\pL’]!(?:\s|$)`)}, "no exclamation mark", "It works!", onPages},
	{whole(`oauth|pkce|client credentials|authorization code|token|tokens|scope|scopes|grant(?:s|ed|ing)?|bearer|redirect uri|json|issuer|metadata`), "no word of OAuth", "Your token is not valid.", Contractors},
}

// quoted are labels of ServiceTitan, which pages show as they are.
var quoted = strings.NewReplacer("API scopes", "API list", "API Scopes", "API List")

// Misfits returns what in a text its readers should not read, and what to say instead.
func Misfits(readers Readers, text string) (found []string) {
	text = strings.ToLower(quoted.Replace(text))
	for _, r := range rules {
		if r.readers&readers == 0 {
			continue
		}
		if at := r.words.find(text); at != nil {
			found = append(found, fmt.Sprintf("%q instead of %s, in: %s", text[at[0]:at[1]], r.say, around(text, at)))
		}
	}
	return found
}

// around returns the text near a place in it.
func around(text string, at []int) string {
	return strings.ToValidUTF8(text[max(0, at[0]-60):min(len(text), at[1]+60)], "")
}
