package handlers_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// example returns a command that runs an example of the API's page.
func example(t *testing.T, name string, env ...string) *exec.Cmd {
	t.Helper()
	file := filepath.Join("api", "examples", name)
	command := exec.CommandContext(t.Context(), "go", "run", file)
	if filepath.Ext(name) == ".sh" {
		if _, err := exec.LookPath("curl"); err != nil {
			testdb.Missing(t, "curl")
		}
		command = exec.CommandContext(t.Context(), "sh", file)
	}
	command.Env = append(os.Environ(), env...)
	command.Stderr = os.Stderr
	return command
}

// The examples in Go and for curl work as they are shown.
func TestAPIExamples(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("Northgate", "Amy")
	path := amy.connect("sandbox", northgate)
	const returnURL = "https://app.example.com/connected"
	_, key, err := a.apiKeys.Create(t.Context(), accounts.CommandLine("root"), accounts.NewKey{Name: "examples", Scopes: accounts.Scopes(), ReturnURLs: []string{returnURL}})
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"FIELDBRIDGE_URL=" + a.url, "FIELDBRIDGE_KEY=" + key.Reveal(), "RETURN_URL=" + returnURL}
	token := a.backEnd(nil).ask(path + "/token").json(t)["access_token"].(string)
	for name, want := range map[string]string{
		"access.sh": token, "access.go": "Northgate Heating & Plumbing: call " + a.standIn.URL,
		"session.sh": a.url + "/c/", "session.go": a.url + "/c/",
	} {
		out, err := example(t, name, env...).Output()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	if n := a.count("SELECT count(*) FROM connect_sessions WHERE reference = 'customer-4711'"); n != 2 {
		t.Errorf("%d connect sessions", n)
	}
}

// The receiver in Go takes what the specification's library signs, and nothing else.
func TestAPIExampleVerifies(t *testing.T) {
	secret := "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
	const listen = "127.0.0.1:"
	free, err := net.Listen("tcp", listen+"0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	receiver := example(t, "verify.go", "WEBHOOK_SECRET="+secret, "LISTEN="+listen+port)
	binary := filepath.Join(t.TempDir(), "verify")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, filepath.Join("api", "examples", "verify.go")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	receiver.Path, receiver.Args = binary, []string{binary}
	out, err := receiver.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := receiver.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = receiver.Process.Kill(); _ = receiver.Wait() })

	signer, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]string{"type": "ping"})
	if err != nil {
		t.Fatal(err)
	}
	send := func(at time.Time, signature string, body []byte) int {
		for tries := 0; ; tries++ {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+listen+port+"/webhooks", bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("webhook-id", "msg_1")
			r.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
			r.Header.Set("webhook-signature", signature)
			resp, err := http.DefaultClient.Do(r)
			if err == nil {
				_ = resp.Body.Close()
				return resp.StatusCode
			}
			if tries > 500 {
				t.Fatal(err)
			}
			<-time.After(10 * time.Millisecond) // it is starting
		}
	}
	now := time.Now()
	signature, err := signer.Sign("msg_1", now, body)
	if err != nil {
		t.Fatal(err)
	}
	old := now.Add(-time.Hour)
	stale, err := signer.Sign("msg_1", old, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ got, want int }{
		"signed":              {send(now, signature, body), 204},
		"one of two":          {send(now, "v1,AAAA "+signature, body), 204},
		"not signed":          {send(now, "", body), 401},
		"with another body":   {send(now, signature, append(body, ' ')), 401},
		"an hour ago":         {send(old, stale, body), 401},
		"at another time":     {send(now.Add(time.Second), signature, body), 401},
		"with another secret": {send(now, "v1,"+base64.StdEncoding.EncodeToString(make([]byte, 32)), body), 401},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %d, want %d", name, tt.got, tt.want)
		}
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "msg_1 "+string(body)+"\n" {
		t.Errorf("it shows %q, %v", line, err)
	}
}
