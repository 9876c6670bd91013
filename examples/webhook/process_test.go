package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary be the program, so that signals reach main and
// nothing is built for it.
func TestMain(m *testing.M) {
	if os.Getenv("WEBHOOK_TEST_AS_PROGRAM") != "" {
		main()
	}
	os.Exit(m.Run())
}

// A process is the program, with the address and the secret that it printed.
type process struct {
	cmd            *exec.Cmd
	addr, secret   string
	stdout, stderr buffer
	exited         chan error
}

var curlLine = regexp.MustCompile(`curl -H 'Authorization: (.*)' -H 'Content-Type: application/json' -d '\n(.*)\n *' http://(.*)/events`)

func startProcess(t *testing.T, args ...string) *process {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGTERM on Windows")
	}
	p := &process{cmd: exec.Command(os.Args[0], append([]string{"-addr", "127.0.0.1:0"}, args...)...), exited: make(chan error, 1)}
	p.cmd.Env = []string{"WEBHOOK_TEST_AS_PROGRAM=1"}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.exited <- p.cmd.Wait() }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		if t.Failed() {
			t.Logf("standard output:\n%s\nstandard error:\n%s", p.stdout.String(), p.stderr.String())
		}
	})
	var printed []string
	eventually(t, "a command to try", func() bool {
		printed = curlLine.FindStringSubmatch(p.stdout.String())
		return printed != nil
	})
	p.secret, p.addr = printed[1], printed[3]
	return p
}

func (p *process) signal(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// A delivery is a request whose body comes in two parts.
type delivery struct {
	conn net.Conn
	rest string
}

func (p *process) begin(t *testing.T, body string) delivery {
	t.Helper()
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	half := len(body) / 2
	_, err = fmt.Fprintf(conn, "POST /events HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		p.secret, len(body), body[:half])
	if err != nil {
		t.Fatal(err)
	}
	return delivery{conn: conn, rest: body[half:]}
}

func (d delivery) finish() (status int, answer string, err error) {
	_ = d.conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(d.conn, d.rest); err != nil {
		return 0, "", err
	}
	resp, err := http.ReadResponse(bufio.NewReader(d.conn), nil)
	if err != nil {
		return 0, "", err
	}
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(data), err
}

func (p *process) healthz() (status int, err error) {
	sender := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	request, err := http.NewRequest(http.MethodGet, "http://"+p.addr+"/healthz", http.NoBody)
	if err != nil {
		return 0, err
	}
	status, _, err = do(sender, request)
	return status, err
}

// The command that it prints works; SIGTERM lets what is under way be
// finished and takes nothing more.
func TestProcess_endsGracefully(t *testing.T) {
	t.Parallel()
	p := startProcess(t, "-drain", "1s")
	if status, err := p.healthz(); status != http.StatusOK {
		t.Errorf("healthz says %d, %v", status, err)
	}
	d := p.begin(t, curlLine.FindStringSubmatch(p.stdout.String())[2])
	// The half must have come by when the signal does.
	metrics := &running{url: "http://" + p.addr}
	sender := newSender(t)
	eventually(t, "a request under way", func() bool {
		_, text := metrics.get(t, sender, "/metrics")
		return strings.Contains(text, "webhook_requests_in_flight 1\n")
	})
	sender.CloseIdleConnections()

	p.signal(t)
	eventually(t, "503 from healthz", func() bool {
		status, err := p.healthz()
		return err == nil && status == http.StatusServiceUnavailable
	})
	eventually(t, "a connection refused", func() bool {
		_, err := p.healthz()
		return errors.Is(err, syscall.ECONNREFUSED)
	})
	select {
	case err := <-p.exited:
		t.Fatalf("it ended with a request under way: %v", err)
	default:
	}
	status, answer, err := d.finish()
	if err != nil || status != http.StatusOK || !strings.Contains(answer, "contact_created") {
		t.Errorf("%d %q, %v", status, answer, err)
	}
	if err := <-p.exited; err != nil {
		t.Errorf("it ended with %v", err)
	}
	if !strings.Contains(p.stderr.String(), `"msg":"ended"`) {
		t.Error("it did not say that it ended")
	}
}

func TestProcess_secondSignalKills(t *testing.T) {
	t.Parallel()
	p := startProcess(t, "-drain", "1h")
	p.signal(t)
	eventually(t, "ending", func() bool { return strings.Contains(p.stderr.String(), `"msg":"ending"`) })
	// The signal's own effect is restored a moment later than that.
	var err error
	eventually(t, "an end", func() bool {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err = <-p.exited:
			return true
		default:
			return false
		}
	})
	var killed *exec.ExitError
	if !errors.As(err, &killed) || killed.ExitCode() != -1 {
		t.Errorf("it ended with %v", err)
	}
}
