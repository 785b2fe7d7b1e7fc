package main

import (
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

// The version says where a binary comes from, however it was built.
func TestVersionOf(t *testing.T) {
	const revision = "11fa57e0123456789abcdef0123456789abcdef0"
	info := func(version string, settings ...string) *debug.BuildInfo {
		i := &debug.BuildInfo{GoVersion: "go1.26.8"}
		i.Main.Version = version
		for n := 0; n+1 < len(settings); n += 2 {
			i.Settings = append(i.Settings, debug.BuildSetting{Key: settings[n], Value: settings[n+1]})
		}
		return i
	}
	for _, tt := range []struct {
		set  string
		info *debug.BuildInfo
		want string
	}{
		{"v1.4.0", info("(devel)", "vcs.revision", revision, "vcs.time", "2026-11-29T08:00:00Z", "vcs.modified", "false"), "v1.4.0, revision 11fa57e01234 of 2026-11-29T08:00:00Z, go1.26.8"},
		{"v1.4.0", info("(devel)"), "v1.4.0, go1.26.8"},
		{"", info("v1.4.0", "vcs.revision", revision, "vcs.modified", "false"), "v1.4.0, revision 11fa57e01234, go1.26.8"},
		{"", info("v0.0.0-20261129080000-11fa57e01234+dirty", "vcs.revision", revision, "vcs.modified", "true"), "v0.0.0-20261129080000-11fa57e01234+dirty, revision 11fa57e01234-dirty, go1.26.8"},
		{"", info("(devel)", "vcs.revision", revision, "vcs.time", "2026-11-29T08:00:00Z", "vcs.modified", "true"), "development build, revision 11fa57e01234-dirty of 2026-11-29T08:00:00Z, go1.26.8"},
		{"", info("(devel)"), "development build, go1.26.8"},
		{"", info(""), "development build, go1.26.8"},
	} {
		if got := versionOf(tt.set, tt.info); got != tt.want {
			t.Errorf("%q, %+v: %q, want %q", tt.set, tt.info, got, tt.want)
		}
	}
}

// A binary that was built in a clone names its revision, and a release names the
// version that it was given.
func TestBuiltBinariesNameTheirVersion(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "fieldbridge")
	root := filepath.Join("..", "..")
	revision, err := exec.CommandContext(t.Context(), "git", "-C", root, "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=true", "-ldflags=-X main.version=v1.4.0", "-o", binary, ".") // #nosec G204 -- of this test
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	said, err := exec.CommandContext(t.Context(), binary, "version").Output() // #nosec G204 -- of this test
	if err != nil || !strings.HasPrefix(string(said), "fieldbridge v1.4.0, revision "+strings.TrimSpace(string(revision))) {
		t.Errorf("it says %q, %v", said, err)
	}
}
