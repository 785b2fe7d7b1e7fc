// Package demo fills a database with made-up companies whose connections the
// sandbox really renews. It keeps demos and real data apart.
//
// Tables: demo.
//
// It writes those of all other packages when a demo begins.
//
// Only the commands import it.
package demo
