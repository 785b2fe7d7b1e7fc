// Package staff has the pages of the support console, from the second step of
// sign-in on. They show connections of all companies and what to say on the phone.
//
// It uses the parts in views. Only handlers imports it.
package staff
