package webhook

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// companyEndpointsShown is the most endpoints on a page.
const companyEndpointsShown = 50

// CompanyEndpoint is an endpoint of a company, as our staff see it.
type CompanyEndpoint struct {
	Endpoint
	CompanyName string
}

// CompanyEndpoints returns a page of the endpoints of all companies, newest first,
// beginning behind the one with the ID before. uuid.Nil begins with the newest. More
// says that there are others.
func (w *Webhooks) CompanyEndpoints(ctx context.Context, before uuid.UUID) (page []CompanyEndpoint, more bool, err error) {
	query := w.db.Read(ctx).Table("webhook_endpoints e").Select("e.*, c.name AS company_name").Joins("JOIN companies c ON c.id = e.company_id")
	if before != uuid.Nil {
		query = query.Where("e.id < ?", before)
	}
	if err := query.Order("e.id DESC").Limit(companyEndpointsShown + 1).Scan(&page).Error; err != nil {
		return nil, false, fmt.Errorf("list endpoints of companies: %w", err)
	}
	if len(page) > companyEndpointsShown {
		return page[:companyEndpointsShown], true, nil
	}
	return page, false, nil
}
