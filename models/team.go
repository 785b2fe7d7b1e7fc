package models

import "context"

// AdminNames names those who may do what support may not.
func (a *Accounts) AdminNames(ctx context.Context) ([]string, error) {
	team, err := a.ListStaff(ctx)
	var names []string
	for _, s := range team {
		if s.Role == Admin && s.SetUp {
			names = append(names, s.Name)
		}
	}
	return names, err
}
