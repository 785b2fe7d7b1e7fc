package handlers

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/views"
)

const peoplePath = "/team"

// people shows a company's people. Owners manage them there.
func (s *site) people(c echo.Context, v accounts.Visitor) error {
	return s.showPeople(c, v, http.StatusOK, views.TeamPage{Role: accounts.Member, Done: c.QueryParam("done")})
}

func (s *site) showPeople(c echo.Context, v accounts.Visitor, status int, page views.TeamPage) error {
	var err error
	if page.Team, err = s.Accounts.Team(c.Request().Context(), v); err != nil {
		return err
	}
	page.Visitor, page.Clock = v, s.clockOf(v)
	return fieldbridge.Render(c, status, views.Team(page))
}

// readRole returns a role that a form names.
func readRole(text string) (accounts.Role, bool) {
	role := accounts.Role(text)
	return role, role == accounts.Owner || role == accounts.Member
}

// invite invites an address. The answer does not tell whether the address has an
// account.
func (s *site) invite(c echo.Context, v owner) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	page := views.TeamPage{Email: f.Line("email")}
	email, ok := accounts.ParseEmail(page.Email)
	if !ok {
		page.Errors.Email = "Enter an email address, like name@company.com."
	}
	if page.Role, ok = readRole(f.Raw("role")); !ok {
		page.Errors.Role = "Choose one."
	}
	if page.Errors != (views.TeamErrors{}) {
		return s.showPeople(c, v.Visitor, http.StatusUnprocessableEntity, page)
	}
	err = s.Accounts.InviteMember(c.Request().Context(), v.Visitor, email, page.Role, request.Address(c))
	if page.Errors.Email = invitationProblem(err); page.Errors.Email != "" {
		return s.showPeople(c, v.Visitor, http.StatusUnprocessableEntity, page)
	}
	return s.peopleChanged(c, v, "member invited", "invited", err)
}

// invitationProblem says why an invitation is not sent. It is empty for errors that
// have a page of their own.
func invitationProblem(err error) string {
	switch {
	case errors.Is(err, accounts.ErrInTeam):
		return "This person is already on the team."
	case errors.Is(err, accounts.ErrInvited):
		return "This person is already invited. Send the invitation again in the list below."
	case errors.Is(err, accounts.ErrTeamFull):
		return "There is no room. A company has up to 200 people and 50 open invitations."
	case errors.Is(err, accounts.ErrUnproven):
		return "Confirm your own email address first, in Settings, Your account. Then you can invite people."
	}
	return ""
}

// resendInvitation sends an invitation again.
func (s *site) resendInvitation(c echo.Context, v owner, id uuid.UUID) error {
	err := s.Accounts.ResendInvitation(c.Request().Context(), v.Visitor, id, request.Address(c))
	if problem := invitationProblem(err); problem != "" {
		return s.peopleUnchanged(c, v, problem)
	}
	return s.peopleChanged(c, v, "invitation sent again", "resent", err, slog.Any("invitation", id))
}

// withdrawInvitation withdraws an invitation.
func (s *site) withdrawInvitation(c echo.Context, v owner, id uuid.UUID) error {
	err := s.Accounts.WithdrawInvitation(c.Request().Context(), v.Visitor, id)
	return s.peopleChanged(c, v, "invitation withdrawn", "withdrawn", err, slog.Any("invitation", id))
}

// changeMemberRole makes a member an owner, or takes that role away.
func (s *site) changeMemberRole(c echo.Context, v owner, id uuid.UUID) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	role, ok := readRole(f.Raw("role"))
	if !ok {
		return echo.NewHTTPError(http.StatusBadRequest)
	}
	err = s.Accounts.SetMemberRole(c.Request().Context(), v.Visitor, id, role)
	if problem := memberProblem(err); problem != "" {
		return s.peopleUnchanged(c, v, problem)
	}
	return s.peopleChanged(c, v, "member role changed", "role", err, slog.Any("member", id), slog.String("role", string(role)))
}

// memberProblem says why a member is not changed. It is empty for errors that have
// a page of their own.
func memberProblem(err error) string {
	switch {
	case errors.Is(err, accounts.ErrLastOwner):
		return "You are the only owner. Make someone else an owner first."
	case errors.Is(err, accounts.ErrYourself):
		return "Only another owner can change your role. You can leave the company yourself."
	}
	return ""
}

// confirmRemoveMember asks for confirmation before a person is removed.
func (s *site) confirmRemoveMember(c echo.Context, v owner, id uuid.UUID) error {
	if id == v.UserID {
		return seeOther(c, peoplePath+"/leave")
	}
	member, err := s.Accounts.Member(c.Request().Context(), v.Visitor, id)
	if err != nil {
		return err
	}
	return fieldbridge.Render(c, http.StatusOK, views.RemoveMember(views.RemoveMemberPage{Visitor: v.Visitor, Member: member}))
}

// removeMember removes a person from the company.
func (s *site) removeMember(c echo.Context, v owner, id uuid.UUID) error {
	err := s.Accounts.RemoveMember(c.Request().Context(), v.Visitor, id)
	if problem := memberProblem(err); problem != "" {
		return s.peopleUnchanged(c, v, problem)
	}
	return s.peopleChanged(c, v, "member removed", "removed", err, slog.Any("member", id))
}

// confirmLeave asks for confirmation before the visitor leaves the company.
func (s *site) confirmLeave(c echo.Context, v accounts.Visitor) error {
	return s.showLeave(c, v, http.StatusOK)
}

func (s *site) showLeave(c echo.Context, v accounts.Visitor, status int) error {
	last, err := s.Accounts.LastOwner(c.Request().Context(), v)
	if err != nil {
		return err
	}
	return fieldbridge.Render(c, status, views.Leave(views.LeavePage{Visitor: v, LastOwner: last}))
}

// leave ends the visitor's own membership. The form has to name the company, since
// the page may be of a company that the visitor has switched away from.
func (s *site) leave(c echo.Context, v accounts.Visitor) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	if f.Raw(views.CompanyField) != v.CompanyID.String() {
		return errOtherCompany
	}
	ctx := c.Request().Context()
	err = s.Accounts.Leave(ctx, v)
	if errors.Is(err, accounts.ErrLastOwner) {
		return s.showLeave(c, v, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	notePeople(ctx, v, "member left")
	return seeOther(c, home(false)) // of another company, or the page for people without one
}

// peopleChanged goes on to the team's page after a change, which it notes.
func (s *site) peopleChanged(c echo.Context, v owner, what, done string, err error, more ...slog.Attr) error {
	if err != nil {
		return err
	}
	notePeople(c.Request().Context(), v.Visitor, what, more...)
	return seeOther(c, peoplePath+"?done="+done)
}

// peopleUnchanged says on the team's page why nothing was changed.
func (s *site) peopleUnchanged(c echo.Context, v owner, problem string) error {
	return s.showPeople(c, v.Visitor, http.StatusUnprocessableEntity, views.TeamPage{Role: accounts.Member, Problem: problem})
}

// notePeople notes who changed a company's people, by IDs.
func notePeople(ctx context.Context, v accounts.Visitor, what string, more ...slog.Attr) {
	request.NoteEvent(ctx, slog.LevelInfo, what, append([]slog.Attr{slog.Any("by", v.UserID), slog.Any("company", v.CompanyID)}, more...)...)
}
