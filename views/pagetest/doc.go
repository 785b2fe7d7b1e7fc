// Package pagetest reads pages as a browser does, checks that they are well made,
// and has the samples that they are shown with. Only tests of views and views/staff
// import it.
package pagetest
