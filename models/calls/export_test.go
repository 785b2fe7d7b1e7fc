package calls

// TenantsInMemory is tenantsInMemory, and CountsWaiting is countsWaiting.
const (
	TenantsInMemory = tenantsInMemory
	CountsWaiting   = countsWaiting
)

// InMemory returns how many tenants are in memory.
func (b *Budget) InMemory() int {
	return max(len(b.spent), len(b.taken.(*remembered).tenants))
}
