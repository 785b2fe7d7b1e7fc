package request

import (
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// ID parses the ID in the path. An ID in any other spelling than ours is not found.
func ID(c echo.Context) (uuid.UUID, error) {
	id, ok := ParseID(c.Param("id"))
	if !ok {
		return uuid.Nil, database.ErrNotFound
	}
	return id, nil
}

// ParseID parses an ID in the spelling that we use. The library accepts other
// spellings, too.
func ParseID(text string) (uuid.UUID, bool) {
	id, err := uuid.Parse(text)
	return id, err == nil && id.String() == text
}
