package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"text/tabwriter"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
)

type staffCommand struct {
	Add    staffAdd    `cmd:"" help:"Create an account, change its role, or let its owner choose a new password. Prints a link that works once."`
	Remove staffRemove `cmd:"" help:"End an account and its sessions."`
	List   staffList   `cmd:"" help:"Show who may sign in as staff."`

	ResetFactor staffResetFactor `cmd:"" help:"Delete the second factor and passkeys of a person, on the staff or in a company, and end their sessions. Staff set up a new one when they sign in."`
}

type staffAdd struct {
	Email string `arg:"" help:"Their email."`
	Role  string `enum:"support,admin" default:"support" help:"support, or admin, who may also lock, disconnect, and manage the team."`
}

// Run makes the account. The person chooses a password with the link.
func (s staffAdd) Run(ctx context.Context) error {
	email, ok := accounts.ParseEmail(s.Email)
	if !ok {
		return fmt.Errorf("%q is not an email address", s.Email)
	}
	return withAccounts(ctx, func(c config, people *accounts.Accounts) error {
		link, err := people.AddStaff(ctx, operator(), email, accounts.StaffRole(s.Role))
		if errors.Is(err, accounts.ErrMemberEmail) {
			return fmt.Errorf("%s belongs to a member of a company; use another email", email)
		}
		if err != nil {
			return err
		}
		if c.StaffIssuer != "" {
			fmt.Printf("%s can sign in as %s at %s\n", email, s.Role, c.BaseURL.JoinPath("/staff/signin"))
			return nil
		}
		address := c.BaseURL.JoinPath("/password/reset")
		address.RawQuery = "token=" + link.Reveal()
		fmt.Printf("%s can sign in as %s. Give them this link, which works once, within two days:\n%s\n", email, s.Role, address)
		return nil
	})
}

type staffRemove struct {
	Email string `arg:"" help:"The person's email."`
}

// Run removes the account.
func (s staffRemove) Run(ctx context.Context) error {
	email, _ := accounts.ParseEmail(s.Email) // an empty one is nobody's
	return withAccounts(ctx, func(_ config, people *accounts.Accounts) error {
		err := people.RemoveStaff(ctx, operator(), email)
		if errors.Is(err, database.ErrNotFound) {
			return fmt.Errorf("%s is not on the staff", s.Email)
		}
		if err == nil {
			fmt.Printf("%s is no longer on the staff, and is signed out everywhere\n", email)
		}
		return err
	})
}

type staffResetFactor struct {
	Email string `arg:"" help:"The person's email."`
}

// Run deletes the second factor.
func (s staffResetFactor) Run(ctx context.Context) error {
	email, _ := accounts.ParseEmail(s.Email) // an empty one is nobody's
	return withAccounts(ctx, func(_ config, people *accounts.Accounts) error {
		err := people.ResetFactor(ctx, operator(), email)
		if errors.Is(err, database.ErrNotFound) {
			return fmt.Errorf("%s has no account", s.Email)
		}
		if err == nil {
			fmt.Printf("%s is signed out everywhere and has no second factor; staff set up a new one at the next sign-in\n", email)
		}
		return err
	})
}

type staffList struct{}

// Run lists the accounts, one on each line.
func (staffList) Run(ctx context.Context) error {
	return withAccounts(ctx, func(c config, people *accounts.Accounts) error {
		list, err := people.ListStaff(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		for _, s := range list {
			note := "with second factor"
			switch {
			case c.StaffIssuer != "":
				note = "signs in at " + c.StaffIssuer
			case !s.SetUp:
				note = "has not chosen a password yet"
			case !s.Factor:
				note = "has no second factor yet"
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Email, s.Role, s.Name, note)
		}
		return w.Flush()
	})
}

// operator returns who runs this command, by the name that the operating system knows.
// Under sudo, that is the caller's name, which says more than root.
func operator() accounts.Actor {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return accounts.CommandLine(name)
	}
	if u, err := user.Current(); err == nil {
		return accounts.CommandLine(u.Username)
	}
	return accounts.CommandLine("user " + strconv.Itoa(os.Getuid()))
}

func withAccounts(ctx context.Context, do func(config, *accounts.Accounts) error) error {
	c, err := environmentConfig(serveDefaults())
	if err != nil {
		return err
	}
	keys, err := loadKeys(c.KeysetFile)
	if err != nil {
		return err
	}
	return withSchema(ctx, c, func(db *database.DB) error {
		return do(c, accounts.New(db, keys, parallelHashes()))
	})
}
