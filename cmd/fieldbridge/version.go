package main

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
)

// version is the release of builds that set it with -ldflags "-X main.version=v1.2.3".
var version string

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run() error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("this binary does not know its version")
	}
	fmt.Println("fieldbridge", versionOf(version, info))
	return nil
}

// versionOf describes a binary by its release, or otherwise by the version that Go
// recorded. It adds the revision of the source if that is known.
func versionOf(release string, info *debug.BuildInfo) string {
	if release == "" {
		release = info.Main.Version
	}
	if release == "" || release == "(devel)" { // this is what Go records for an unknown version
		release = "development build"
	}
	parts := []string{release}
	recorded := map[string]string{}
	for _, s := range info.Settings {
		recorded[s.Key] = s.Value
	}
	if revision := recorded["vcs.revision"]; revision != "" {
		revision = "revision " + revision[:min(12, len(revision))]
		if recorded["vcs.modified"] == "true" {
			revision += "-dirty"
		}
		if at := recorded["vcs.time"]; at != "" {
			revision += " of " + at
		}
		parts = append(parts, revision)
	}
	return strings.Join(append(parts, info.GoVersion), ", ")
}
