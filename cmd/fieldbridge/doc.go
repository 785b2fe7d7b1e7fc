// Command fieldbridge serves Fieldbridge and manages its data. Each command has its own
// file. A command reads the configuration (config.go), opens the database, and wires
// the models to the handlers (app.go). No package imports this one. It has no tables.
//
// The serve command runs the public listener, the admin listener, and the background
// work: renewals, mails, cleanup, and writing down counts. It stops them in an order
// that loses nothing under way (serve.go). The demo command adds the sandbox and
// made-up companies.
//
// The operator's documentation is README.md.
package main
