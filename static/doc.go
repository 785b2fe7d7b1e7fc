// Package static holds the files that browsers fetch unchanged. The name of each
// contains a hash of its content, so that browsers may keep it forever and fetch a
// new version at once.
//
// It has no tables. The handlers, the pages, and the sandbox import it.
package static
