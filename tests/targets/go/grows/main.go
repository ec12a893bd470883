// Grows by a step for each line on standard input, and answers "done NUMBER;": "leak" keeps a MiB in a map that nobody clears,
// "cache" fills a table of 5 MiB and then replaces what is in it, "goroutine" starts one that waits for ever. Its
// profiles are served on the port that it prints first.
package main

import (
	"bufio"
	"expvar"
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime"
)

const mib = 1 << 20

var (
	sessions = map[int][]byte{}
	cache    [5][]byte
	never    = make(chan int)
)

//go:noinline
func touched() []byte {
	block := make([]byte, mib)
	for i := range block {
		block[i] = 1
	}
	return block
}

//go:noinline
func rememberSession(request int) { sessions[request] = touched() }

//go:noinline
func fillCache(request int) { cache[request%len(cache)] = touched() }

func waitForEver() { <-never }

func main() {
	runtime.MemProfileRate = 1 // every allocation is in the heap profile
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	expvar.Publish("goroutines", expvar.Func(func() any { return runtime.NumGoroutine() }))
	go http.Serve(listener, nil)
	fmt.Println("ready", listener.Addr())
	lines := bufio.NewScanner(os.Stdin)
	for request := 0; lines.Scan(); request++ {
		switch lines.Text() {
		case "leak":
			rememberSession(request)
			runtime.GC() // what is left afterwards is kept
		case "cache":
			fillCache(request)
			runtime.GC()
		case "goroutine":
			go waitForEver()
		}
		fmt.Printf("done %d;\n", request+1)
	}
}
