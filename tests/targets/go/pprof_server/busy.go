package main

import (
	"sort"
	"strings"
	"sync"
	"time"
)

// Work whose profiles have what makes them hard to count: recursion, inlined and generic functions, methods, closures,
// one function called from many places, stacks that differ only in sizes or lines.

type tree[T any] struct {
	left, right *tree[T]
	value       T
}

//go:noinline
func grow[T any](depth int, value T) *tree[T] {
	if depth == 0 {
		return &tree[T]{value: value}
	}
	return &tree[T]{grow(depth-1, value), grow(depth-1, value), value}
}

func (t *tree[T]) count() int {
	if t == nil {
		return 0
	}
	return 1 + t.left.count() + t.right.count()
}

//go:noinline
func fibonacci(n int) int {
	if n < 2 {
		return n
	}
	return fibonacci(n-1) + fibonacci(n-2)
}

func small(n int) int  { return n*n + 1 }
func larger(n int) int { return small(n) ^ small(n+1) }

//go:noinline
func mixed(n int) (sum int) {
	for i := 0; i < n; i++ {
		sum += larger(i) - small(i)
	}
	return sum
}

//go:noinline
func isEven(n int) bool {
	if n == 0 {
		return true
	}
	return isOdd(n - 1)
}

//go:noinline
func isOdd(n int) bool {
	if n == 0 {
		return false
	}
	return isEven(n - 1)
}

type shelf struct {
	lock  sync.Mutex
	books map[string]int
}

func (s *shelf) put(name string) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.books[name] += fibonacci(12)
	if len(s.books) > 1000 {
		s.books = map[string]int{}
	}
}

var (
	kept    [][]byte
	numbers int
)

func retain(sizes ...int) {
	for _, size := range sizes {
		kept = append(kept, make([]byte, size))
	}
	if len(kept) > 3000 {
		kept = kept[1000:]
	}
}

func beBusy() {
	s := &shelf{books: map[string]int{}}
	letters := make(chan string)
	for i := 0; i < 3; i++ {
		go func() {
			for letter := range letters {
				s.put(strings.Repeat(letter, 10))
			}
		}()
	}
	for round := 0; ; round++ {
		numbers += fibonacci(24) + mixed(20000) + grow(8, round).count() + grow(6, "text").count()
		if isEven(2000) {
			retain(16, 1000, 100<<10)
		}
		words := strings.Fields(strings.Repeat("some words to sort ", 200))
		sort.Slice(words, func(i, j int) bool { return words[i] < words[j] })
		letters <- words[round%len(words)]
		time.Sleep(200 * time.Microsecond)
	}
}
