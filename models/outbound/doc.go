// Package outbound sends HTTP requests to addresses that customers have typed. It
// keeps such a request from reaching anything but the public internet: every address
// is checked when it is dialed, after the name was resolved, so a name that changes
// what it stands for gains nothing. It follows no redirect, uses no proxy, and limits
// how long a request takes and how much of an answer is read.
//
// It imports nothing of ours and knows no database. models/webhook uses it.
package outbound
