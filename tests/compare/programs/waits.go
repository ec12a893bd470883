// Goroutines that wait, and one that holds a thread in a system call.
package main

import (
	"fmt"
	"sync"
	"syscall"
	"time"
)

func blockedRead() {
	var ends [2]int
	syscall.Pipe(ends[:])
	var byte [1]byte
	syscall.Read(ends[0], byte[:])
}

func main() {
	var mutex sync.Mutex
	mutex.Lock()
	go func() { mutex.Lock() }()
	go blockedRead()
	time.Sleep(time.Second)
	fmt.Println("ready")
	time.Sleep(time.Hour)
}
