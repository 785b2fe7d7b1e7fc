package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func writes(words string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, words)
		return err
	}
}

// holds checks the content and mode of a regular file.
func holds(t *testing.T, path, words string, mode fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path) // #nosec G304 -- of this test
	if err != nil || string(text) != words || info.Mode() != mode {
		t.Errorf("%s is %s and holds %q, want %s and %q; %v", path, info.Mode(), text, mode, words, err)
	}
}

// names returns the names in a folder, to check that nothing is left behind.
func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, entry := range entries {
		list = append(list, entry.Name())
	}
	return list
}

// A symbolic link stays, and the file that it leads to is written, wherever it is.
func TestOutputFileFollowsLinks(t *testing.T) {
	for name, tt := range map[string]struct {
		links map[string]string
		there bool
	}{
		"to a file":                   {map[string]string{"link": "real/file"}, true},
		"to nothing yet":              {map[string]string{"link": "real/file"}, false},
		"over links":                  {map[string]string{"link": "real/second", "real/second": "third", "real/third": "file"}, true},
		"over links to nothing yet":   {map[string]string{"link": "real/second", "real/second": "third", "real/third": "file"}, false},
		"up from a folder's link":     {map[string]string{"link": "folder/second", "folder": "real/deep", "real/deep/second": "../file"}, true},
		"up from there to nothing":    {map[string]string{"link": "folder/second", "folder": "real/deep", "real/deep/second": "../file"}, false},
		"by its whole path":           {map[string]string{"link": "{dir}/real/file"}, true},
		"by its path to nothing yet":  {map[string]string{"link": "{dir}/real/file"}, false},
		"to what is in a folder's up": {map[string]string{"link": "folder/../file", "folder": "real/deep"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.MkdirAll(filepath.Join(dir, "real", "deep"), 0o700); err != nil {
				t.Fatal(err)
			}
			for from, to := range tt.links {
				if err := os.Symlink(strings.ReplaceAll(to, "{dir}", dir), filepath.Join(dir, from)); err != nil {
					t.Fatal(err)
				}
			}
			file := filepath.Join(dir, "real", "file")
			if tt.there {
				if err := os.WriteFile(file, []byte("before"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			t.Chdir(dir)
			if err := writeOutput(t.Context(), "link", writes("after")); err != nil {
				t.Fatal(err)
			}
			holds(t, file, "after", 0o600)
			for from := range tt.links {
				if info, err := os.Lstat(from); err != nil || info.Mode().Type() != fs.ModeSymlink {
					t.Errorf("%s is no longer a link: %v, %v", from, info, err)
				}
			}
			if left := slices.Concat(names(t, dir), names(t, "real"), names(t, "real/deep")); len(left) != 4+len(tt.links)-1 {
				t.Errorf("there are %q", left)
			}
		})
	}
}

// People who can read a file can still read it after it is replaced.
func TestOutputFileKeepsPermissions(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := writeOutput(t.Context(), file, writes("first")); err != nil {
		t.Fatal(err)
	}
	holds(t, file, "first", 0o600)
	for _, mode := range []fs.FileMode{0o644, 0o660, 0o400} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if err := writeOutput(t.Context(), file, writes("again")); err != nil {
			t.Fatal(err)
		}
		holds(t, file, "again", mode)
	}
	if os.Getuid() != 0 {
		return // only root can change owners
	}
	if err := os.Chown(file, 1234, 4321); err != nil {
		t.Fatal(err)
	}
	if err := writeOutput(t.Context(), file, writes("more")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !ok || owner.Uid != 1234 || owner.Gid != 4321 {
		t.Errorf("it belongs to another now: %+v", owner)
	}
}

// Output to something that is not a regular file goes into it. It stays what it is, and
// no file appears beside it.
func TestOutputFileWritesThroughWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	pipe, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.Symlink("pipe", link)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, link} {
		// It is also opened for writing. Otherwise opening it would wait for a writer.
		f, err := os.OpenFile(pipe, os.O_RDWR, 0) // #nosec G304 -- of this test
		if err != nil {
			t.Fatal(err)
		}
		if err := writeOutput(t.Context(), path, writes("through")); err != nil {
			t.Fatal(err)
		}
		// If the pipe had been replaced, there would be nothing to read, so the test does
		// not wait for it.
		if info, err := os.Lstat(pipe); err != nil || info.Mode() != fs.ModeNamedPipe|0o600 {
			t.Fatalf("the pipe is %v, %v", info, err)
		}
		if info, err := os.Lstat(link); err != nil || info.Mode().Type() != fs.ModeSymlink {
			t.Fatalf("the link is %v, %v", info, err)
		}
		got := make([]byte, len("through"))
		if _, err := io.ReadFull(f, got); err != nil || string(got) != "through" {
			t.Errorf("%q went through, %v", got, err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if left := names(t, dir); !slices.Equal(left, []string{"link", "pipe"}) {
		t.Errorf("there are %q", left)
	}
}

// The wait for a reader of a pipe ends with the context.
func TestOutputFileIsWaitedForNoLonger(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := writeOutput(ctx, pipe, writes("through")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	f, err := os.OpenFile(pipe, os.O_RDWR, 0) // #nosec G304 -- of this test; whoever waits goes on
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	got := make([]byte, len("through"))
	if _, err := io.ReadFull(f, got); err != nil {
		t.Error(err)
	}
}

func TestOutputFileRefuses(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := errors.Join(os.Mkdir("folder", 0o700), os.Symlink("folder", "link"), os.Symlink("round", "round")); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		"folder":       "write folder: it is a folder; name a file in it",
		"link":         "write link: it is a folder; name a file in it",
		"round":        "too many levels of symbolic links",
		"nowhere/file": "no such file or directory",
		"":             "the file has no name",
	} {
		err := writeOutput(t.Context(), path, func(io.Writer) error {
			t.Errorf("%s: it has begun", path)
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", path, err, says)
		}
	}
	if left := names(t, dir); !slices.Equal(left, []string{"folder", "link", "round"}) {
		t.Errorf("there are %q", left)
	}
}
