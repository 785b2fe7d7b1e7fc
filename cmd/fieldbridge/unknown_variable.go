package main

import (
	"fmt"
	"slices"
	"strings"
)

// unknownVariable is a variable that nothing reads, although its name looks like one of
// ours.
type unknownVariable struct {
	name string
	// nearest is the variable that was probably meant, or empty if no name is close.
	nearest string
}

// String names the variable without its value.
func (u unknownVariable) String() string {
	if u.nearest == "" {
		return u.name + " is not known"
	}
	return fmt.Sprintf("%s is not known; did you mean %s?", u.name, u.nearest)
}

// ourPrefixes begin the names of our variables.
var ourPrefixes = []string{"FIELDBRIDGE_", "SERVICETITAN_"}

// unknownVariables returns the unknown variables of an environment, whose entries have
// the form NAME=value. It leaves out variables that tests and benchmarks read.
func unknownVariables(environment []string) []unknownVariable {
	var unknown []unknownVariable
	var known []string
	for _, v := range new(config).variables(serveDefaults()) {
		known = append(known, v.Envs...)
	}
	for _, entry := range environment {
		name, _, _ := strings.Cut(entry, "=")
		if !isOurs(name) || slices.Contains(known, name) {
			continue
		}
		unknown = append(unknown, unknownVariable{name, nearestTo(name, known)})
	}
	return unknown
}

func isOurs(name string) bool {
	for _, other := range []string{"FIELDBRIDGE_TEST_", "FIELDBRIDGE_BENCH_", "FIELDBRIDGE_SCREENSHOTS"} {
		if strings.HasPrefix(name, other) {
			return false
		}
	}
	for _, prefix := range ourPrefixes {
		if strings.HasPrefix(strings.ToUpper(name), prefix) {
			return true
		}
	}
	return false
}

// nearestTo returns the known name that takes the fewest changes, if they are at most
// half the length of what follows the prefix. A name that lacks its middle, such as
// SERVICETITAN_APP_KEY, takes one change.
func nearestTo(name string, known []string) string {
	upper := strings.ToUpper(name)
	prefix, rest, _ := strings.Cut(upper, "_")
	nearest, fewest := "", max(2, len(rest)/2)+1
	for _, v := range known {
		n := editDistance(upper, v)
		if strings.HasPrefix(v, prefix+"_") && strings.HasSuffix(v, "_"+rest) {
			n = min(n, 1)
		}
		if n < fewest {
			nearest, fewest = v, n
		}
	}
	return nearest
}

// editDistance counts the letters to insert, delete, or replace to turn one name into
// the other (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
