// Package pagetest reads pages as a browser does and checks that they are well
// made. It has the samples that the pages show. Only tests of views and views/staff
// import it.
package pagetest
