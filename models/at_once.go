package models

// insertedAtOnce bounds the values of one statement.
const insertedAtOnce = 500

// hourForm is how an hour (UTC) is written.
const hourForm = "2006-01-02T15"
