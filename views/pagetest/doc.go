// Package pagetest reads pages as a browser does and checks that they are well
// made. It has the samples that the pages show, and the words that texts do without.
// Only tests import it.
package pagetest
