// Goroutines that hold threads: in C, in Go that C called, and in a system call.
package main

/*
#include <unistd.h>
static int c_inner(int depth) { return depth > 0 ? c_inner(depth - 1) + 1 : pause(); }
static void c_wait(void) { while (1) c_inner(2); }
extern void calledFromC(void);
static void c_calls_go(void) { calledFromC(); }
*/
import "C"

import (
	"fmt"
	"syscall"
	"time"
)

func read() {
	var ends [2]int
	var one [1]byte
	syscall.Pipe(ends[:])
	syscall.Read(ends[0], one[:])
}

//export calledFromC
func calledFromC() { read() }

//go:noinline
func callsC(depth int) int {
	if depth > 0 {
		return callsC(depth-1) + 1
	}
	C.c_wait()
	return 0
}

//go:noinline
func callsBack() { C.c_calls_go() }

//go:noinline
func reads() { read() }

func main() {
	go callsC(3)
	go callsBack()
	go reads()
	time.Sleep(300 * time.Millisecond)
	fmt.Println("ready")
	time.Sleep(time.Hour)
}
