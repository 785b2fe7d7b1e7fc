package models

// lockedCompanies are their IDs. There are few, and an index has them.
const lockedCompanies = "SELECT id FROM companies WHERE locked_at IS NOT NULL"
