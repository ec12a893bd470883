// Threads that work on their own stack (g0) for a goroutine: one computes there, one waits there, and with the argument
// "gc" the garbage collector works there all the time.
package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
	_ "unsafe"
)

//go:linkname systemstack runtime.systemstack
func systemstack(work func())

var counted uint64
var kept [][]*[64]byte

//go:noinline
func computes(depth int) int {
	if depth > 0 {
		return computes(depth-1) + 1
	}
	systemstack(func() {
		for {
			counted++
		}
	})
	return 0
}

//go:noinline
func waits(depth int) int {
	if depth > 0 {
		return waits(depth-1) + 1
	}
	systemstack(func() {
		for {
			syscall.RawSyscall(syscall.SYS_PAUSE, 0, 0, 0)
		}
	})
	return 0
}

func collects() {
	for i := 0; i < 200; i++ {
		some := make([]*[64]byte, 10000)
		for j := range some {
			some[j] = new([64]byte)
		}
		kept = append(kept, some)
	}
	fmt.Println("ready")
	for {
		runtime.GC()
	}
}

func main() {
	runtime.GOMAXPROCS(4)
	if len(os.Args) > 1 && os.Args[1] == "gc" {
		collects()
	}
	go computes(3)
	go waits(3)
	time.Sleep(300 * time.Millisecond)
	fmt.Println("ready")
	time.Sleep(time.Hour)
}
