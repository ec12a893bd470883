// A Go service with net/http/pprof and expvar, as live tests need it. It prints "ready WHERE" when it listens.
//
//	pprof_server [-listen 127.0.0.1:0 | -unix PATH] [-tls CERTIFICATE] [-password WORD] [-header NAME=VALUE]
//	             [-prefix /internal] [-write-timeout 2s] [-pile 40] [-secret TEXT] [-label KEY=TEXT] [-busy]
//
// With -tls it speaks https with a certificate of its own for 127.0.0.1, which it writes to that file.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"expvar"
	"flag"
	"fmt"
	"math/big"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"time"
)

var sink []byte

//go:noinline
func waitForReply(replies chan int) { <-replies }

//go:noinline
func waitForLock(lock *sync.Mutex) { lock.Lock() }

// In "IO wait" at every moment, which the goroutine that accepts connections is not.
//
//go:noinline
func waitForData(reader *os.File) { reader.Read(make([]byte, 1)) }

func work() {
	for {
		sink = make([]byte, 64<<10)
		time.Sleep(5 * time.Millisecond)
	}
}

// Busy half of the time, so that a CPU profile has a sample with the labels of the goroutine.
func workLabelled(context.Context) {
	for {
		for begun := time.Now(); time.Since(begun) < 5*time.Millisecond; {
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func certificate(file string) tls.Certificate {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err == nil {
		err = os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "TCP address")
	unix := flag.String("unix", "", "unix socket instead of TCP")
	tlsFile := flag.String("tls", "", "speak https, and write the certificate to this file")
	password := flag.String("password", "", "ask for user \"ops\" and this password")
	header := flag.String("header", "", "ask for this header")
	prefix := flag.String("prefix", "", "serve below this path")
	writeTimeout := flag.Duration("write-timeout", 0, "http.Server.WriteTimeout")
	pile := flag.Int("pile", 40, "goroutines that wait for a reply")
	secret := flag.String("secret", "", "value of the variable api_token")
	label := flag.String("label", "", "label of a goroutine that works")
	busy := flag.Bool("busy", false, "work on many things")
	flag.Parse()

	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)
	replies := make(chan int)
	for i := 0; i < *pile; i++ {
		go waitForReply(replies)
	}
	lock := new(sync.Mutex)
	lock.Lock()
	for i := 0; i < 3; i++ {
		go waitForLock(lock)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer writer.Close()
	go waitForData(reader)
	go work()
	if *busy {
		go beBusy()
	}
	if *label != "" {
		key, text, _ := strings.Cut(*label, "=")
		go pprof.Do(context.Background(), pprof.Labels(key, text), workLabelled)
	}
	pprof.NewProfile("open_sessions").Add(lock, 0)
	expvar.NewInt("requests_total").Set(1234)
	queues := expvar.NewMap("queues")
	queues.Add("mail", 17)
	if *secret != "" {
		expvar.NewString("api_token").Set(*secret)
	}

	// SIGQUIT ends a Go program that does not catch it; this one says so first, so that a test can tell.
	quit := make(chan os.Signal, 1)
	signal.Notify(quit, syscall.SIGQUIT)
	go func() {
		<-quit
		fmt.Println("got SIGQUIT")
		os.Exit(3)
	}()

	network, address := "tcp", *listen
	if *unix != "" {
		network, address = "unix", *unix
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var handler http.Handler = http.DefaultServeMux
	if *prefix != "" {
		mux := http.NewServeMux()
		mux.Handle(*prefix+"/", http.StripPrefix(*prefix, http.DefaultServeMux))
		handler = mux
	}
	if *password != "" {
		open := handler
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, word, _ := r.BasicAuth(); user != "ops" || word != *password {
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			open.ServeHTTP(w, r)
		})
	}
	if *header != "" {
		open := handler
		name, value, _ := strings.Cut(*header, "=")
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get(name) != value {
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			open.ServeHTTP(w, r)
		})
	}
	if *tlsFile != "" {
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate(*tlsFile)}})
	}
	fmt.Println("ready", listener.Addr())
	server := &http.Server{Handler: handler, WriteTimeout: *writeTimeout}
	fmt.Fprintln(os.Stderr, server.Serve(listener))
}
