// Package request has what the pages and the API share about one request: what is
// noted for its log line, its support code, the address that it came from, the IDs in
// its path, the form of its body, and when to send it again.
//
// Only handlers and handlers/api import it.
package request
