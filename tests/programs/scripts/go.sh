#!/bin/bash
# title: Go
# packages: golang-go
# what: go vet, build and test of a module with an http server under 50 clients, goroutines, channels, timers, processes and signals
# memory: 4G
set -u
. /programs/lib.sh
mkdir -p /tmp/m && cd /tmp/m && export GOCACHE=/tmp/cache GOFLAGS=-mod=mod GOPROXY=off HOME=/tmp GOTOOLCHAIN=local
printf 'module m\n\ngo 1.19\n' >go.mod
cat >m.go <<'G'
package main

import ("fmt"; "io"; "net"; "net/http"; "net/http/httptest"; "os"; "os/exec"; "os/signal"; "runtime"; "strings"; "sync"; "sync/atomic"; "syscall"; "time"; "context")

func Sum(n int) int { c := make(chan int); var w sync.WaitGroup; for i := 0; i < n; i++ { w.Add(1); go func(i int) { defer w.Done(); c <- i }(i) }; go func() { w.Wait(); close(c) }(); s := 0; for x := range c { s += x }; return s }

func Fetch(n int) (int64, error) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b, _ := io.ReadAll(r.Body); fmt.Fprintf(w, "%s %d", r.URL.Path, len(b)) })); defer s.Close()
	var good int64; var w sync.WaitGroup; var first error; var once sync.Once
	for i := 0; i < n; i++ { w.Add(1); go func(i int) { defer w.Done(); for j := 0; j < 10; j++ { r, err := http.Post(fmt.Sprintf("%s/%d", s.URL, i), "text/plain", strings.NewReader(strings.Repeat("x", i*100))); if err != nil { once.Do(func() { first = err }); return }; b, _ := io.ReadAll(r.Body); r.Body.Close(); if string(b) == fmt.Sprintf("/%d %d", i, i*100) { atomic.AddInt64(&good, 1) } } }(i) }
	w.Wait(); return good, first
}

func main() {
	fmt.Println(Sum(10000)); fmt.Println(Fetch(50))
	c := make(chan os.Signal, 1); signal.Notify(c, syscall.SIGUSR1); syscall.Kill(os.Getpid(), syscall.SIGUSR1); fmt.Println(<-c)
	out, err := exec.Command("sh", "-c", "echo out; exit 3").Output(); fmt.Printf("%q %v\n", out, err)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond); defer cancel(); fmt.Println(exec.CommandContext(ctx, "sleep", "100").Run())
	l, _ := net.Listen("unix", "/tmp/go.sock"); go func() { c, _ := l.Accept(); io.Copy(c, c); c.Close() }(); u, _ := net.Dial("unix", "/tmp/go.sock"); u.Write([]byte("over unix")); u.(*net.UnixConn).CloseWrite(); b, _ := io.ReadAll(u); fmt.Println(string(b))
	defer func() { fmt.Println("recovered", recover()); runtime.GC(); for i := 0; i < 200; i++ { _ = make([]byte, 1<<20) }; var m runtime.MemStats; runtime.ReadMemStats(&m); fmt.Println(m.NumGC > 3) }()
	var p *int; fmt.Println(*p)
}
G
cat >m_test.go <<'G'
package main

import "testing"

func TestSum(t *testing.T) { if Sum(100) != 4950 { t.Fatal("sum") } }
func TestFetch(t *testing.T) { if n, err := Fetch(10); n != 100 || err != nil { t.Fatal(n, err) } }
func BenchmarkSum(b *testing.B) { for i := 0; i < b.N; i++ { Sum(10) } }
G
checked vet go vet ./...
go build -o m . ; echo "build $?"
./m
go test -run . -v ./... | sed 's/(.*s)//; s/\t[0-9.]*s$//'
figure "$(go test -run none -bench . | grep Benchmark)"
