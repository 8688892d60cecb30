package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

func main() {
	var wg sync.WaitGroup
	c := make(chan int, 100)
	for i := 0; i < 50; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			time.Sleep(time.Duration(i) * time.Millisecond)
			c <- i
		}(i)
	}
	wg.Wait()
	close(c)
	sum := 0
	for v := range c {
		sum += v
	}
	t := time.NewTicker(2 * time.Millisecond)
	for n := 0; n < 5; n++ {
		<-t.C
	}
	fmt.Println(sum)
	x := make([][]byte, 0)
	for i := 0; i < 200; i++ {
		x = append(x, make([]byte, 100000))
	}
	fmt.Println(len(x))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	fmt.Println(err)
	go func() { a, _ := l.Accept(); a.Write([]byte("tcp")); a.Close() }()
	conn, err := net.Dial("tcp", l.Addr().String())
	b := make([]byte, 10)
	n, _ := conn.Read(b)
	fmt.Println(string(b[:n]), err)
	s := make(chan os.Signal, 1)
	signal.Notify(s, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println(<-s)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	fmt.Println(exec.CommandContext(ctx, "/bin/sleep", "9").Run())
	out, err := exec.Command("/bin/echo", "child").Output()
	fmt.Print(string(out), err, "\n")
	fmt.Println(os.WriteFile("f", []byte("go"), 0644))
	os.Exit(7)
}
