package accounts

// LockedCompanies are their IDs. There are few, and an index has them.
const LockedCompanies = "SELECT id FROM companies WHERE locked_at IS NOT NULL"
