package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
)

type inviteCommand struct {
	Email   string `arg:"" help:"Their email. Make sure that it is theirs: the link counts as proof."`
	Company string `required:"" xor:"company" placeholder:"NAME" help:"The name of a new company, which the person can change."`
	To      string `required:"" xor:"company" placeholder:"REFERENCE" help:"The reference of a company that a back end made and to which nobody belongs yet."`
}

// Run prints the link. It needs no mail server.
func (i inviteCommand) Run(ctx context.Context) error {
	email, ok := accounts.ParseEmail(i.Email)
	if !ok {
		return fmt.Errorf("%q is not an email address", i.Email)
	}
	if i.To != "" {
		return withAccounts(ctx, func(c config, people *accounts.Accounts) error { return i.toExisting(ctx, c, people, email) })
	}
	company, problem := accounts.ParseName(i.Company)
	if problem != accounts.NameFine {
		return fmt.Errorf("%q cannot be a company's name", i.Company)
	}
	return withAccounts(ctx, func(c config, people *accounts.Accounts) error {
		link, err := people.InviteOwner(ctx, email, company)
		if errors.Is(err, accounts.ErrEmailTaken) {
			return fmt.Errorf("%s already has an account; its owner can sign in, or choose a new password with fieldbridge reset-password", email)
		}
		if err != nil {
			return err
		}
		fmt.Printf("%s can create an account for %s, as its owner. Give them this link, which works once, within seven days:\n%s\n",
			email, company, c.BaseURL.JoinPath("/verify", link.Reveal()))
		return nil
	})
}

// toExisting prints the link for the first owner of a company that a back end made.
func (i inviteCommand) toExisting(ctx context.Context, c config, people *accounts.Accounts, email string) error {
	company, err := people.CompanyByReference(ctx, i.To)
	if errors.Is(err, database.ErrNotFound) {
		return fmt.Errorf("no company has the reference %q", i.To)
	}
	if err != nil {
		return err
	}
	link, err := people.FirstOwnerLink(ctx, operator(), company.ID, email)
	switch {
	case errors.Is(err, accounts.ErrHasPeople):
		return fmt.Errorf("someone belongs to %s already; its owners invite others on their team page", company.Name)
	case errors.Is(err, accounts.ErrLocked):
		return fmt.Errorf("%s is locked", company.Name)
	case errors.Is(err, database.ErrNotFound):
		return fmt.Errorf("%s belongs to staff or to someone whose account is disabled", email)
	case err != nil:
		return err
	}
	fmt.Printf("%s can join %s, as its owner. Give them this link, which works once, within seven days:\n%s\n",
		email, company.Name, c.BaseURL.JoinPath("/invitations", link.Reveal()))
	return nil
}

type resetPasswordCommand struct {
	Email string `arg:"" help:"The person's email."`
}

// Run prints the link. The old password works until the link is used.
func (r resetPasswordCommand) Run(ctx context.Context) error {
	email, _ := accounts.ParseEmail(r.Email) // an empty one is nobody's
	return withAccounts(ctx, func(c config, people *accounts.Accounts) error {
		link, err := people.ResetLink(ctx, operator(), email)
		if errors.Is(err, database.ErrNotFound) {
			return fmt.Errorf("%s belongs to nobody in a company; for staff, use fieldbridge staff add", r.Email)
		}
		if err != nil {
			return err
		}
		address := c.BaseURL.JoinPath("/password/reset")
		address.RawQuery = "token=" + link.Reveal()
		fmt.Printf("%s can choose a new password. Give them this link, which works once, within 30 minutes:\n%s\n", email, address)
		return nil
	})
}
