// Package demo fills a database with made-up companies whose connections the
// sandbox really renews. It keeps demo data and real data apart.
//
// Tables: demo. When a demo begins, it also writes the tables of all other packages.
//
// Only the commands import it.
package demo
