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
	"github.com/fieldbridge/fieldbridge/views"
	"github.com/fieldbridge/fieldbridge/views/staff"
)

const (
	devicesPath      = "/settings/devices"
	staffDevicesPath = "/staff/devices"
)

// devices lists where a member is signed in.
func (s *site) devices(c echo.Context, v accounts.Visitor) error {
	page, err := s.devicesPage(c, v.UserID, devicesPath)
	if err != nil {
		return err
	}
	return fieldbridge.Render(c, http.StatusOK, views.SettingsDevices(v, page))
}

// staffDevices lists where a staff member is signed in.
func (s *site) staffDevices(c echo.Context, m accounts.Staff) error {
	page, err := s.devicesPage(c, m.UserID, staffDevicesPath)
	if err != nil {
		return err
	}
	return fieldbridge.Render(c, http.StatusOK, staff.Devices(m, page))
}

func (s *site) devicesPage(c echo.Context, userID uuid.UUID, at string) (views.DevicesPage, error) {
	devices, err := s.Accounts.Devices(c.Request().Context(), userID)
	return views.DevicesPage{Devices: devices, At: at, Clock: s.clockIn(c.Request().Context())}, err
}

func (s *site) endDevice(c echo.Context, v accounts.Visitor, id uuid.UUID) error {
	return s.endOneDevice(c, v.UserID, id, devicesPath)
}

func (s *site) endStaffDevice(c echo.Context, m accounts.Staff, id uuid.UUID) error {
	return s.endOneDevice(c, m.UserID, id, staffDevicesPath)
}

// endOneDevice signs a person out on one device.
func (s *site) endOneDevice(c echo.Context, userID, id uuid.UUID, at string) error {
	ctx := c.Request().Context()
	if err := s.Accounts.EndDevice(ctx, userID, id); err != nil {
		return err
	}
	request.NoteEvent(ctx, slog.LevelInfo, "device signed out", slog.Any("user", userID))
	return seeOther(c, at)
}

func (s *site) endOtherDevices(c echo.Context, v accounts.Visitor) error {
	return s.endAllOtherDevices(c, v.UserID, devicesPath)
}

func (s *site) endOtherStaffDevices(c echo.Context, m accounts.Staff) error {
	return s.endAllOtherDevices(c, m.UserID, staffDevicesPath)
}

// endAllOtherDevices signs a person out everywhere but here.
func (s *site) endAllOtherDevices(c echo.Context, userID uuid.UUID, at string) error {
	ctx := c.Request().Context()
	epoch, err := s.Accounts.EndOtherDevices(ctx, userID)
	if errors.Is(err, accounts.ErrSignedOut) {
		return s.endSession(c)
	}
	if err != nil {
		return err
	}
	s.sessions.GoOn(ctx, epoch)
	request.NoteEvent(ctx, slog.LevelInfo, "other devices signed out", slog.Any("user", userID))
	return seeOther(c, at)
}
