// What a Go program says when it dies or is asked, as tests need it: goroutines that wait in several ways, and then
//
//	last_words panic | nested | fatal | deadlock | quit | race | dump | count
//
// quit: SIGQUIT to itself. dump, count: the goroutine profile with debug=2 and debug=1 on stdout. race: built with
// -race, the same race from two places. mutex, block, threadcreate, heap: that profile with debug=1 on stdout.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"time"
)

type store struct {
	lock  sync.Mutex
	users map[string]int
}

//go:noinline
func (s *store) waitForLock() { s.lock.Lock() }

//go:noinline
func waitForReply(replies chan int, name string) { <-replies }

//go:noinline
func waitForEither(a, b chan int) {
	select {
	case <-a:
	case <-b:
	}
}

//go:noinline
func waitForData(reader *os.File) { reader.Read(make([]byte, 1)) }

//go:noinline
func waitForAll(all *sync.WaitGroup) { all.Wait() }

//go:noinline
func spin() {
	for {
	}
}

//go:noinline
func recurse(depth int) {
	if depth == 0 {
		select {}
	}
	recurse(depth - 1)
	fmt.Println(depth)
}

func startPool(replies chan int) {
	for i := 0; i < 5; i++ {
		go waitForReply(replies, "worker")
	}
}

var counter int
var table = map[int]int{}

//go:noinline
func addOne() { counter++ }

//go:noinline
func addTwo(done *sync.WaitGroup) {
	for i := 0; i < 100; i++ {
		counter += 2
	}
	done.Done()
}

func race() {
	// One after the other in time, but nothing tells the detector so.
	var done, again sync.WaitGroup
	done.Add(1)
	go addTwo(&done)
	addOne()
	values := make([]int, 4)
	again.Add(1)
	go func() {
		values[1] = 7
		again.Done()
	}()
	values[1] = 8
	done.Wait()
	again.Wait()
}

//go:noinline
func wrapped() {
	defer func() {
		recovered := recover()
		panic(fmt.Errorf("cleaning up after %v: %w", recovered, errors.New("no space left on device")))
	}()
	var nobody *store
	nobody.users["x"] = 1
}

func populate() {
	s := &store{}
	s.lock.Lock()
	replies := make(chan int)
	reader, _, _ := os.Pipe()
	var all sync.WaitGroup
	all.Add(1)
	startPool(replies)
	for i := 0; i < 3; i++ {
		go s.waitForLock()
	}
	go waitForEither(replies, make(chan int))
	go waitForData(reader)
	go waitForAll(&all)
	go recurse(150)
	go time.Sleep(time.Hour)
	go spin()
	time.Sleep(50 * time.Millisecond)
}

// Every kind of profile that a program with contention has.
func contend() {
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)
	var lock sync.Mutex
	var all sync.WaitGroup
	for i := 0; i < 8; i++ {
		all.Add(1)
		go func() {
			for j := 0; j < 20; j++ {
				lock.Lock()
				time.Sleep(100 * time.Microsecond)
				lock.Unlock()
			}
			all.Done()
		}()
	}
	all.Wait()
}

func profile(name string, debug int) {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	pprof.Lookup(name).WriteTo(out, debug)
}

func main() {
	what := strings.Join(os.Args[1:], " ")
	if what != "deadlock" && what != "race" {
		populate()
	}
	switch what {
	case "panic":
		var nobody *store
		nobody.users["x"] = 1
	case "nested":
		wrapped()
	case "fatal":
		for i := 0; i < 4; i++ {
			go func() {
				for {
					table[1]++
				}
			}()
		}
		select {}
	case "deadlock":
		waitForReply(make(chan int), "nobody")
	case "quit":
		syscall.Kill(os.Getpid(), syscall.SIGQUIT)
		select {}
	case "race":
		race()
	case "dump":
		profile("goroutine", 2)
	case "count":
		profile("goroutine", 1)
	case "mutex", "block", "threadcreate", "heap":
		contend()
		profile(what, 1)
	}
}
