package handlers

import (
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views/staff"
)

// confirmControl records that a ServiceTitan admin of the tenant confirmed that the
// company controls it.
func (s *staffSite) confirmControl(c echo.Context, m accounts.Staff, id uuid.UUID) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	proof := models.Proof{
		Name: f.Line("admin"), Role: f.Line("role"), Channel: models.ProofChannel(f.Line("channel")), Contact: f.Line("contact"),
		Despite: f.Raw("despite") == "yes",
	}
	reached := f.Line("reached")
	if at, err := time.ParseInLocation(staff.MinuteField, reached, s.clock().Zone); err == nil {
		at = at.UTC()
		proof.ReachedAt = &at
	}
	err = ignoreClosed(s.support.Confirm(c.Request().Context(), m, id, proof))
	if problem, ok := errors.AsType[*support.ProofError](err); ok {
		return s.showStaffConnection(c, m, id, http.StatusUnprocessableEntity, staff.ConnectionPage{
			Proof: staff.ProofForm{Proof: proof, Reached: reached, Problem: problem},
		})
	}
	if err != nil {
		return err
	}
	return seeOther(c, staffConnectionPath(id))
}
