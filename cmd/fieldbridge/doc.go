// Command fieldbridge serves Fieldbridge and looks after its data. Each command is a
// file: it reads the configuration (config.go), opens the database, and wires the
// models to the handlers (app.go). Nothing imports it. It has no tables.
//
// serve runs the public listener, the admin listener, and the work in the background:
// renewals, mails, cleaning up, and writing counts down. It stops them in an order in
// which nothing under way is lost (serve.go). demo adds the sandbox and made-up
// companies.
//
// The operator's documentation is README.md.
package main
