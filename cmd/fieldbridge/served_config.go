package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
)

// noEnvironment is what serve and doctor say where nothing can be connected to. It is
// a warning in both: a new installation starts and can be looked at before the app
// key has come.
const noEnvironment = "no environment of ServiceTitan is configured, so nobody can connect"

// servedConfig is environmentConfig for commands that serve people, with a logger.
func servedConfig(d defaults) (config, *slog.Logger, error) {
	c, err := loadConfig(d, os.LookupEnv)
	log := newLogger(c)
	logUnknown(log, unknownVariables(os.Environ()))
	if err := errors.Join(err, c.checkProxies()); err != nil {
		return c, log, fmt.Errorf("the configuration is not right:\n%w", err)
	}
	return c, log, nil
}

// proxiesRemedy says what to do where checkProxies fails.
const proxiesRemedy = "set FIELDBRIDGE_TRUSTED_PROXIES to the networks of the proxies in front, or to none if browsers reach this listener directly"

// checkProxies wants it to be said which proxies are in front. With https, there is
// one that ends TLS, and without its name all people would count as one address: a
// few wrong sign-ins would lock everybody out.
func (c *config) checkProxies() error {
	if c.baseURL == nil || c.baseURL.Scheme != "https" || c.proxiesNamed {
		return nil
	}
	return errors.New("FIELDBRIDGE_TRUSTED_PROXIES is missing beside an https FIELDBRIDGE_BASE_URL; " + proxiesRemedy +
		" (for example FIELDBRIDGE_TRUSTED_PROXIES=10.0.0.0/8, or FIELDBRIDGE_TRUSTED_PROXIES=none)")
}

// defaultAddr is the public listener where none is given. With https, plain HTTP stays
// on this machine.
func (c *config) defaultAddr() string {
	if c.baseURL != nil && c.baseURL.Scheme == "https" {
		return "127.0.0.1:8080"
	}
	return ":8080"
}
