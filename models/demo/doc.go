// Package demo fills a database with made-up companies whose connections the
// sandbox really renews. It keeps demo data and real data apart.
//
// Tables: demo.
//
// When a demo begins, this package also writes the tables of all others.
//
// Only the commands import it.
package demo
