package views

import (
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

// teamPages returns the pages of a team in each of their states.
func teamPages(t *testing.T, v accounts.Visitor) map[string]templ.Component {
	t.Helper()
	clock := testClock()
	yesterday, gone := clock.Now.AddDate(0, 0, -1), clock.Now.AddDate(0, -2, 0)
	invitation := func(expires time.Time) accounts.SentInvitation {
		return accounts.SentInvitation{
			Invitation:  accounts.Invitation{ID: uuid.New(), Email: "jo@northgate.example", Role: accounts.Member, SentAt: yesterday, ExpiresAt: expires},
			InviterName: v.Name,
		}
	}
	team := accounts.Team{
		Members: []accounts.TeamMember{
			{UserID: v.UserID, Name: v.Name, Email: v.Email, Role: v.Role},
			{UserID: uuid.New(), Name: v.Name, Email: v.Email, Role: accounts.Owner, SeenAt: &yesterday},
			{UserID: uuid.New(), Name: v.Name, Email: v.Email, Role: accounts.Member, SeenAt: &gone, DisabledAt: &gone},
			{UserID: uuid.New(), Name: v.Name, Email: v.Email, Role: accounts.Member},
		},
		Invitations: []accounts.SentInvitation{invitation(clock.Now.Add(time.Hour)), invitation(yesterday)},
	}
	several := v
	several.Companies = []accounts.CompanyChoice{{ID: v.CompanyID, Name: v.CompanyName}, {ID: uuid.New(), Name: v.CompanyName}}
	open := accounts.OpenInvitation{
		Invitation:  accounts.Invitation{Email: "jo@northgate.example", Role: accounts.Owner},
		CompanyName: v.CompanyName, InviterName: v.Name, InviterEmail: v.Email,
	}
	pages := map[string]templ.Component{
		"team":            Team(TeamPage{Visitor: v, Team: team, Clock: clock, Done: "invited"}),
		"team, several":   Team(TeamPage{Visitor: several, Team: team, Clock: clock, Problem: "You are the only owner."}),
		"team, no":        Team(TeamPage{Visitor: v, Team: team, Email: "jo", Errors: TeamErrors{"Email.", "Role."}, Clock: clock}),
		"remove a member": RemoveMember(RemoveMemberPage{Visitor: v, Member: team.Members[1]}),
		"leave":           Leave(LeavePage{Visitor: v}),
		"leave, last":     Leave(LeavePage{Visitor: v, LastOwner: true}),
		"locked, several": Error(ErrorPage{Status: 403, Kind: CompanyLocked, Visitor: several, SupportCode: "FB-1", Clock: clock}),
	}
	for _, reader := range pagetest.Constants[InvitationReader](t) {
		pages["invitation: "+string(reader)] = Invitation(InvitationPage{
			Open: open, Reader: reader, SignedInAs: "eve@elsewhere.example", Link: "0123456789abcdef", Next: "invitation-0123456789abcdef", Problem: "There is no room.",
		})
	}
	return pages
}

func TestTeamPagesAreWellMade(t *testing.T) {
	for name, page := range teamPages(t, pagetest.Visitor(accounts.Owner)) {
		t.Run(name, func(t *testing.T) {
			p := pagetest.Show(t, page)
			p.WellMade()
			p.Isolated()
		})
	}
	for name, page := range map[string]templ.Component{
		"add a company": AddCompany(AddCompanyPage{Proven: true, Company: "South", Err: "Name."}), "add a company, unproven": AddCompany(AddCompanyPage{}),
		"spent": InvitationSpent(), "open again": InvitationOpenAgain(),
		"other company": Error(ErrorPage{Status: 409, Kind: OtherCompany, SupportCode: "FB-1", Clock: testClock()}),
	} {
		t.Run(name, func(t *testing.T) { pagetest.Show(t, page).WellMade() })
	}
}

func TestHostileNamesOnTeamPages(t *testing.T) {
	const hostile = `"><script>alert(1)</script><img src=x onerror=alert(1)>'&`
	for name, page := range teamPages(t, accounts.Visitor{Name: hostile, Email: hostile, CompanyName: hostile, Role: accounts.Owner}) {
		t.Run(name, func(t *testing.T) {
			p := pagetest.Show(t, page)
			if len(p.ForeignScripts()) > 0 || len(p.All("img")) > 0 {
				t.Errorf("became markup: %s", p.Source)
			}
		})
	}
}

// Mails of a team name people by their proven addresses, and no company.
func TestTeamMails(t *testing.T) {
	const typed = "Payout on hold"
	mail := func(kind accounts.AccountMailKind, detail, from string) accounts.PreparedMail {
		return accounts.PreparedMail{AccountMail: accounts.AccountMail{Kind: kind, Detail: detail, Recipient: "jo@northgate.example"}, From: from}
	}
	for says, m := range map[string]accounts.PreparedMail{
		"as a member":                   mail(accounts.MailInvitation, "member", "dana@northgate.example"),
		"as an owner":                   mail(accounts.MailInvitation, "owner", "dana@northgate.example"),
		"An owner of a company invites": mail(accounts.MailInvitation, "member", ""),
		"You are now an owner":          mail(accounts.MailRoleChanged, "owner", "dana@northgate.example"),
		"You are now a member":          mail(accounts.MailRoleChanged, "member", "dana@northgate.example"),
		"An owner has removed you":      mail(accounts.MailRoleChanged, accounts.RemovedDetail, "dana@northgate.example"),
	} {
		text := Mail(models.OutgoingMail{Account: &m, RecipientName: typed, CompanyName: typed})
		page := pagetest.Show(t, MailPage(text, "https://connect.example.com/signin"))
		all := text.Subject + text.Plain("https://connect.example.com/signin") + page.Source
		if strings.Contains(all, typed) || text.Subject == "" || strings.Count(all, says) < 2 || strings.Count(all, "https://connect.example.com/signin") < 2 {
			t.Errorf("%s: %s", says, all)
		}
		if strings.Count(all, "dana@northgate.example") < 2 && m.From != "" {
			t.Errorf("%s: does not say who it is from", says)
		}
	}
}
