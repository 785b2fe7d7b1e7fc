package connect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/keeper"
)

// ErrTokenRefused says that ServiceTitan refuses an access token that was just renewed,
// or too many in a short time.
var ErrTokenRefused = errors.New("ServiceTitan refuses the access token")

// refusedTokens limits the renewals because of refusals. Any address of ServiceTitan may
// refuse a token for a reason that a renewal does not change.
var refusedTokens = accounts.Limit{Name: "refused-tokens", Tries: 5, Per: 5 * time.Minute}

// InPlaceOf returns an access token of a connection in place of one that ServiceTitan
// has refused. It renews the token unless somebody else has. It returns ErrTokenRefused
// if tokens of the connection are refused again and again. Its other errors are those of
// TokenFor.
func (c *Connections) InPlaceOf(ctx context.Context, refused keeper.Access, connection models.Connection) (keeper.Access, error) {
	now, err := c.keeper.ToServe(ctx, connection.ID, &connection.CompanyID)
	if err != nil {
		return keeper.Access{}, err
	}
	if now.Generation > refused.Generation {
		return c.keeper.AccessOf(ctx, now, false)
	}
	// Calls that are refused at the same moment share a renewal, which goes on if one of
	// the callers goes away.
	ctx = context.WithoutCancel(ctx)
	renewed, err, _ := c.waiting.Do("refused "+connection.ID.String(), func() (any, error) {
		err := c.db.Write(ctx, func(tx *gorm.DB) error { return refusedTokens.Take(tx, connection.ID.String(), c.db.Now()) })
		if _, often := errors.AsType[*accounts.ThrottledError](err); often {
			return keeper.Access{}, ErrTokenRefused
		}
		if err != nil {
			return keeper.Access{}, fmt.Errorf("replace refused token: %w", err)
		}
		return c.keeper.Renewed(ctx, connection.CompanyID, connection.ID, refused.Generation)
	})
	return renewed.(keeper.Access), err
}
