package main

import (
	"errors"
	"strings"

	"github.com/fieldbridge/fieldbridge/handlers/api"
)

// demoProxyPaths are the paths of the sandbox's API.
const demoProxyPaths = "/settings/v2/tenant/{tenant}/business-units"

// proxyPaths reads the paths that back ends may call.
func proxyPaths(v string) ([]api.CallPath, error) {
	var paths []api.CallPath
	for _, text := range strings.Fields(v) {
		path, ok := api.ParseCallPath(text)
		if !ok {
			return nil, errors.New("is not a list of paths")
		}
		paths = append(paths, path)
	}
	return paths, nil
}
