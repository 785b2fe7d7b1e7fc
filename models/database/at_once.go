package database

// InsertedAtOnce bounds the values of one statement.
const InsertedAtOnce = 500

// HourForm is how an hour (UTC) is written.
const HourForm = "2006-01-02T15"
