// Package sandbox plays ServiceTitan: an OAuth 2.0 authorization server and the part of
// the API that Fieldbridge calls, with made-up companies. Its control page and its
// control API switch faults on. In a demo it also shows the mails that Fieldbridge
// sends.
//
// Everything is in memory. The package has no tables and knows nothing about the app's
// models. Only cmd/fieldbridge imports it, and sandboxtest for tests.
package sandbox
