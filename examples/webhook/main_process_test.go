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

// A process runs the program, with the address and the secret that it prints.
type process struct {
	cmd            *exec.Cmd
	addr, secret   string
	stdout, stderr buffer
	exited         chan error
}

var curlCommand = regexp.MustCompile(`curl -H 'Authorization: (.*)' -H 'Content-Type: application/json' -d '\n(.*)\n *' http://(.*)/events`)

func startProcess(t *testing.T, args ...string) *process {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not have SIGTERM")
	}
	p := &process{cmd: exec.Command(os.Args[0], append([]string{"-addr", "127.0.0.1:0"}, args...)...), exited: make(chan error, 1)}
	p.cmd.Env = []string{runAsProgram + "=1"}
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
		printed = curlCommand.FindStringSubmatch(p.stdout.String())
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

// startDelivery sends the first half of a request body.
func (p *process) startDelivery(t *testing.T, body string) halfDelivery {
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
	return halfDelivery{conn: conn, rest: body[half:]}
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

// A halfDelivery is a request of which half the body has been sent.
type halfDelivery struct {
	conn net.Conn
	rest string
}

func (d halfDelivery) finish() (status int, response string, err error) {
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

// The printed command works. After SIGTERM the program finishes the request in
// flight and does not accept another.
func TestProcess_shutsDown(t *testing.T) {
	t.Parallel()
	p := startProcess(t, "-drain", "1s")
	if status, err := p.healthz(); status != http.StatusOK {
		t.Errorf("healthz: %d, %v", status, err)
	}
	d := p.startDelivery(t, curlCommand.FindStringSubmatch(p.stdout.String())[2])
	// The first half must arrive before the signal.
	fx := &fixture{url: "http://" + p.addr}
	sender := newSender(t)
	eventually(t, "a request in flight", func() bool {
		_, text := fx.get(t, sender, "/metrics")
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
		t.Fatalf("it exited with a request in flight: %v", err)
	default:
	}
	status, response, err := d.finish()
	if err != nil || status != http.StatusOK || !strings.Contains(response, "contact_created") {
		t.Errorf("%d %q, %v", status, response, err)
	}
	if err := <-p.exited; err != nil {
		t.Errorf("it exited with %v", err)
	}
	if !strings.Contains(p.stderr.String(), `"msg":"stopped"`) {
		t.Error("it did not log that it stopped")
	}
}

func TestProcess_secondSignalKills(t *testing.T) {
	t.Parallel()
	p := startProcess(t, "-drain", "1h")
	p.signal(t)
	eventually(t, "shutting down", func() bool { return strings.Contains(p.stderr.String(), `"msg":"shutting down"`) })
	// The default effect of the signal is restored a moment after that.
	var err error
	eventually(t, "an exit", func() bool {
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
		t.Errorf("it exited with %v", err)
	}
}
