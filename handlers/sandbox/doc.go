// Package sandbox stands in for ServiceTitan: an OAuth 2.0 authorization
// server and the part of the API that Fieldbridge calls, with made-up
// companies. It plays faults when asked to, on its control page or by its
// control API. In a demo it also shows the mails that Fieldbridge sends.
//
// Everything is in memory; it has no tables and knows nothing of the app's models.
// Only cmd/fieldbridge imports it, and sandboxtest for tests.
package sandbox
