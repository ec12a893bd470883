// A Go service that is sick in ways that its profiles tell, or, without -sick, the same service in good health. All that
// it does is counted: by steps, and by the requests for its profiles. It prints "ready ADDRESS" when it listens.
package main

import (
	"bytes"
	"context"
	"expvar"
	"flag"
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	leaked   = 150
	ledgers  = 3
	lockers  = 8
	burners  = 16
	megabyte = 1 << 20
)

var (
	kept      [][]byte
	found     int64
	profiling int32
	pattern   = regexp.MustCompile(`(a|b|ab)*c$`)
)

// The answer comes when nobody asks any more: the goroutine that has it never ends.
//
//go:noinline
func fetch(question int) {
	answers := make(chan int)
	go func() {
		answers <- question * 2
	}()
}

// How many goroutines are in this state, as the runtime itself prints it.
func inState(state string) int {
	stacks := make([]byte, 4*megabyte)
	return bytes.Count(stacks[:runtime.Stack(stacks, true)], []byte("["+state))
}

type ledger struct {
	lock  sync.Mutex
	lines int
}

// Holds the lock for as long as the search takes.
//
//go:noinline
func (l *ledger) book(text string) {
	l.lock.Lock()
	defer l.lock.Unlock()
	if pattern.MatchString(text) {
		l.lines++
	}
}

//go:noinline
func remember(size int) { kept = append(kept, make([]byte, size)) }

//go:noinline
func upload() { remember(32 * megabyte) }

//go:noinline
func search(text string) bool { return pattern.MatchString(text) }

// Work only while somebody looks, so that answers are quick at all other times.
func burn() {
	text := strings.Repeat("ab", 500)
	for atomic.LoadInt32(&profiling) > 0 {
		if search(text) {
			atomic.AddInt64(&found, 1)
		}
	}
}

func queueWhileProfiled(l *ledger) {
	text := strings.Repeat("ab", 4000)
	for atomic.LoadInt32(&profiling) > 0 {
		l.book(text)
	}
}

type sick struct{ next http.Handler }

func (s sick) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/debug/pprof/heap":
		upload()
		// A heap profile is of the collection before the last.
		runtime.GC()
		runtime.GC()
	case "/debug/pprof/profile":
		atomic.AddInt32(&profiling, 1)
		defer atomic.AddInt32(&profiling, -1)
		for i := 0; i < burners; i++ {
			go burn()
		}
		for i := 0; i < ledgers; i++ {
			l := new(ledger)
			for j := 0; j < lockers; j++ {
				go queueWhileProfiled(l)
			}
		}
	}
	s.next.ServeHTTP(w, r)
}

func main() {
	ill := flag.Bool("sick", false, "be sick")
	flag.Parse()
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)
	expvar.NewInt("requests_total").Set(7)

	// Health: workers that wait for work in one channel, and sessions that wait for their end in one each.
	jobs := make(chan int)
	for i := 0; i < 20; i++ {
		go func() {
			for job := range jobs {
				fmt.Fprintln(os.Stderr, job)
			}
		}()
	}
	for i := 0; i < 50; i++ {
		session, end := context.WithCancel(context.Background())
		defer end()
		go func() { <-session.Done() }()
	}

	var handler http.Handler = http.DefaultServeMux
	if *ill {
		runtime.GOMAXPROCS(burners)
		handler = sick{handler}
		for i := 0; i < leaked; i++ {
			fetch(i)
		}
		for inState("chan send") < leaked {
			runtime.Gosched()
		}
	}
	// From here on the runtime knows that they wait.
	runtime.GC()
	runtime.GC()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ready", listener.Addr())
	fmt.Fprintln(os.Stderr, http.Serve(listener, handler))
}
