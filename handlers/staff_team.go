package handlers

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/views/staff"
)

const teamPath = "/staff/team"

// team lists all staff.
func (s *site) team(c echo.Context, m admin) error {
	return s.showTeam(c, m, http.StatusOK, staff.TeamPage{Role: accounts.Support})
}

func (s *site) showTeam(c echo.Context, m admin, status int, page staff.TeamPage) error {
	var err error
	ctx := c.Request().Context()
	page.Staff, page.Elsewhere, page.Clock = m.Staff, s.StaffIssuer != nil, s.clock()
	if page.Team, err = s.Accounts.ListStaff(ctx); err != nil {
		return err
	}
	if page.Audit, err = s.Accounts.Audit(ctx); err != nil {
		return err
	}
	if page.SignIns, err = s.Accounts.StaffSignIns(ctx); err != nil {
		return err
	}
	return fieldbridge.Render(c, status, staff.Team(page))
}

// addToTeam creates a staff account. Only this answer shows its link.
func (s *site) addToTeam(c echo.Context, m admin) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	page := staff.TeamPage{Email: f.Line("email"), Role: accounts.StaffRole(f.Line("role"))}
	email, ok := accounts.ParseEmail(page.Email)
	if !ok {
		page.Errors.Email = "Enter an email address, like name@company.com."
	}
	if page.Role != accounts.Support && page.Role != accounts.Admin {
		page.Errors.Role = "Choose one."
	}
	if page.Errors != (staff.TeamErrors{}) {
		return s.showTeam(c, m, http.StatusUnprocessableEntity, page)
	}
	teammate, link, err := s.Accounts.Invite(c.Request().Context(), m.Staff, email, page.Role)
	switch {
	case errors.Is(err, accounts.ErrEmailTaken):
		page.Errors.Email = "This person is already on the team."
	case errors.Is(err, accounts.ErrMemberEmail):
		page.Errors.Email = "This email belongs to a member of a company. Use another one."
	case errors.Is(err, accounts.ErrRemoved):
		page.Errors.Email = "This person was removed from the team. An operator can add them again on the server: fieldbridge staff add EMAIL."
	case err != nil:
		return err
	default:
		noteTeam(c, m, "staff added", teammate)
		return s.showTeamLink(c, m, staff.TeamLinkPage{Email: email, Link: link})
	}
	return s.showTeam(c, m, http.StatusUnprocessableEntity, page)
}

// newLink lets a staff member choose a new password.
func (s *site) newLink(c echo.Context, m admin, id uuid.UUID) error {
	teammate, link, err := s.Accounts.NewLink(c.Request().Context(), m.Staff, id)
	if err != nil {
		return s.notOneself(c, m, err)
	}
	noteTeam(c, m, "staff link made", teammate)
	return s.showTeamLink(c, m, staff.TeamLinkPage{Email: teammate.Email, Link: link, Again: true})
}

func (s *site) showTeamLink(c echo.Context, m admin, page staff.TeamLinkPage) error {
	page.Staff, page.Base = m.Staff, s.BaseURL.JoinPath("/password/reset").String()
	if s.StaffIssuer != nil {
		page.SignIn = s.BaseURL.JoinPath(staffSignInPath).String()
	}
	return fieldbridge.RenderSecret(c, http.StatusOK, staff.TeamLink(page))
}

// changeRole makes a staff member an admin, or takes that role away.
func (s *site) changeRole(c echo.Context, m admin, id uuid.UUID) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	role := accounts.StaffRole(f.Line("role"))
	if role != accounts.Support && role != accounts.Admin {
		return echo.NewHTTPError(http.StatusBadRequest)
	}
	teammate, err := s.Accounts.SetRole(c.Request().Context(), m.Staff, id, role)
	if err != nil {
		return s.notOneself(c, m, err)
	}
	teammate.Role = role
	noteTeam(c, m, "staff role changed", teammate)
	return seeOther(c, teamPath)
}

// confirmRemove asks for confirmation before an account is removed.
func (s *site) confirmRemove(c echo.Context, m admin, id uuid.UUID) error {
	teammate, err := s.Accounts.Teammate(c.Request().Context(), m.Staff, id)
	if err != nil {
		return s.notOneself(c, m, err)
	}
	return fieldbridge.Render(c, http.StatusOK, staff.Remove(staff.RemovePage{Staff: m.Staff, Member: teammate}))
}

// removeFromTeam removes an account.
func (s *site) removeFromTeam(c echo.Context, m admin, id uuid.UUID) error {
	teammate, err := s.Accounts.Dismiss(c.Request().Context(), m.Staff, id)
	if err != nil {
		return s.notOneself(c, m, err)
	}
	noteTeam(c, m, "staff removed", teammate)
	return seeOther(c, teamPath)
}

// notOneself says on the team's page that another admin has to make the change.
func (s *site) notOneself(c echo.Context, m admin, err error) error {
	if !errors.Is(err, accounts.ErrYourself) {
		return err
	}
	return s.showTeam(c, m, http.StatusUnprocessableEntity, staff.TeamPage{Role: accounts.Support, Oneself: true})
}

// noteTeam notes who did what to whom, by user ID.
func noteTeam(c echo.Context, m admin, what string, teammate accounts.Staff) {
	request.NoteEvent(c.Request().Context(), slog.LevelInfo, what,
		slog.Any("by", m.UserID), slog.Any("staff", teammate.UserID), slog.String("role", string(teammate.Role)))
}
