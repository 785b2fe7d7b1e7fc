package webhook

// This file exports to the tests in package webhook_test what they need besides the
// package's API.

// Queued is a row of webhook_messages.
type Queued = message
