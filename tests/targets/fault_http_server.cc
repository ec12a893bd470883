// An HTTP server that is in trouble in one chosen way, for tests of the debug endpoints:
//   fault_http_server MODE [FILE]
// Prints "ready PORT". Looks like net/http/pprof with the profiles goroutine and heap; FILE is served where a whole
// profile is wanted.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

namespace {

std::string mode, file;
std::atomic<bool> slow{false}, unwell{false};
std::atomic<int> profiles_asked{0};

bool send_all(int fd, const std::string& bytes) {
  for (size_t sent = 0; sent < bytes.size();) {
    ssize_t now = send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (now <= 0) return false;
    sent += static_cast<size_t>(now);
  }
  return true;
}

std::string answer(const std::string& status, const std::string& headers, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\n" + headers + "Content-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

std::string go_error(const std::string& status, const std::string& text) {
  return answer(status, "Content-Type: text/plain; charset=utf-8\r\nX-Go-Pprof: 1\r\n", text + "\n");
}

std::string index_page() {
  std::string custom = mode == "hostile-names"
                           ? "<tr><td>1</td><td><a href='../../quitquitquit?debug=1'>x</a></td></tr>\n"
                             "<tr><td>1</td><td><a href='/shutdown?debug=1'>x</a></td></tr>\n"
                             "<tr><td>1</td><td><a href='http://evil.invalid/?debug=1'>x</a></td></tr>\n"
                             "<tr><td>1</td><td><a href='goroutineleak?debug=1'>x</a></td></tr>\n"
                           : "";
  return "<html><title>/debug/pprof/</title>\n"
         "<tr><td>7</td><td><a href='goroutine?debug=1'>goroutine</a></td></tr>\n"
         "<tr><td>3</td><td><a href='heap?debug=1'>heap</a></td></tr>\n" +
         custom + "</html>\n";
}

// Until the other side has had enough.
void hang(int fd) {
  char byte;
  while (recv(fd, &byte, 1, 0) > 0) {
  }
}

void drip(int fd, const std::string& byte) {
  while (send_all(fd, byte)) usleep(20'000);
}

void heap(int fd) {
  const std::string kGzip("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", 10);
  const std::string kHead = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nConnection: close\r\n";
  if (mode == "body-hang") {
    if (send_all(fd, kHead + "Content-Length: 100000\r\n\r\n" + kGzip + std::string(100, 'x'))) hang(fd);
  } else if (mode == "body-drip") {
    if (send_all(fd, kHead + "\r\n" + kGzip + std::string(100, 'x'))) drip(fd, "x");
  } else if (mode == "chunk-drip") {
    if (send_all(fd, kHead + "Transfer-Encoding: chunked\r\n\r\n" + "10\r\n" + kGzip + "abcdef\r\n"))
      drip(fd, "1\r\nx\r\n");
  } else if (mode == "chunk-header") {
    if (send_all(fd, kHead + "Transfer-Encoding: chunked\r\n\r\n"))
      while (send_all(fd, std::string(1 << 20, '0'))) {
      }
  } else if (mode == "endless") {
    bool open = send_all(fd, kHead + "\r\n" + kGzip);
    std::string zeros(1 << 20, '\0');
    for (int i = 0; open && i < 10'240; ++i) open = send_all(fd, zeros);  // 10 GB
  } else if (mode == "claims-10-gb") {
    send_all(fd, kHead + "Content-Length: 10737418240\r\n\r\n" + kGzip + "short");
  } else if (mode == "bad-length") {
    send_all(fd, kHead + "Content-Length: -5\r\n\r\n" + kGzip + "short");
  } else if (mode == "packed") {
    send_all(fd, answer("200 OK", "Content-Encoding: gzip\r\n", kGzip + "short"));
  } else if (mode == "ends-early") {
    send_all(fd, kHead + "Content-Length: 5000\r\n\r\n" + kGzip + std::string(100, 'x'));
  } else if (mode == "truncated") {
    send_all(fd, answer("200 OK", "Content-Type: application/octet-stream\r\n", file.substr(0, file.size() / 2)));
  } else if (mode == "html") {
    send_all(fd, answer("200 OK", "Content-Type: text/html\r\n",
                        "<html><body>please log in" + std::string(1 << 20, ' ') + "</body></html>"));
  } else {
    if (mode == "slows-down") slow = true;
    if (mode == "unwell") {  // after a pull that takes long enough to look at its health
      unwell = true;
      usleep(200'000);
    }
    send_all(fd, answer("200 OK", "Content-Type: application/octet-stream\r\n", file));
  }
}

void serve(int fd, const std::string& request) {
  std::string path = request.substr(4, request.find(' ', 4) - 4);
  std::fprintf(stderr, "GET %s\n", path.c_str());
  if (mode == "silent") return hang(fd);
  if (mode == "header-drip") {
    if (send_all(fd, "HTTP/1.1 200 OK\r\nX-Slow: ")) drip(fd, "x");
    return;
  }
  if (mode == "big-header") {
    bool open = send_all(fd, "HTTP/1.1 200 OK\r\n");
    while (open) open = send_all(fd, "X-Filler: " + std::string(1000, 'x') + "\r\n");
    return;
  }
  if (mode == "long-status-line") {
    bool open = send_all(fd, "HTTP/1.1 200 ");
    while (open) open = send_all(fd, std::string(1 << 16, 'x'));
    return;
  }
  if (mode == "continue-for-ever") {
    while (send_all(fd, "HTTP/1.1 100 Continue\r\n\r\n")) {
    }
    return;
  }
  if (mode == "redirect-elsewhere" && path == "/debug/pprof/") {
    send_all(fd, answer("302 Found", "Location: http://example.invalid/debug/pprof/\r\n", ""));
    return;
  }
  if (mode == "redirect-loop") {
    send_all(fd, answer("302 Found", "Location: /debug/pprof/\r\n", ""));
    return;
  }
  if (mode == "redirect-here" && path == "/debug/pprof/") {
    send_all(fd, answer("301 Moved Permanently", "Location: /moved/debug/pprof/\r\n", ""));
    return;
  }
  if (mode == "redirect-port" && path == "/debug/pprof/") {
    send_all(fd, answer("302 Found", "Location: http://127.0.0.1:1/debug/pprof/\r\n", ""));
    return;
  }
  if (mode == "unwell" && path == "/healthz") {
    send_all(fd, answer(unwell ? "503 Service Unavailable" : "200 OK", "Content-Type: text/plain\r\n",
                        unwell ? "overloaded\n" : "ok\n"));
    return;
  }
  std::string base = mode == "redirect-here" ? "/moved/debug/pprof/" : "/debug/pprof/";
  if (path == base && mode != "no-index") {
    if (slow) usleep(1'500'000);
    send_all(fd, answer("200 OK", "Content-Type: text/html\r\n", index_page()));
  } else if (path == base + "heap") {
    heap(fd);
  } else if (path.starts_with(base + "profile?seconds=")) {
    int seconds = std::atoi(path.c_str() + (base + "profile?seconds=").size());
    if (mode == "busy" || (mode == "busy-twice" && ++profiles_asked <= 2))
      send_all(fd,
               go_error("500 Internal Server Error", "Could not enable CPU profiling: cpu profiling already in use"));
    else if (mode == "write-timeout" && seconds >= 2)
      send_all(fd, go_error("400 Bad Request", "profile duration exceeds server's WriteTimeout"));
    else
      send_all(fd, answer("200 OK", "Content-Type: application/octet-stream\r\n", file));
  } else {
    send_all(fd, go_error("404 Not Found", "Unknown profile"));
  }
}

// A backlog that is full and never emptied: connect() gets no answer.
void fill_backlog(const sockaddr_in& address) {
  std::vector<int> fds;
  for (int i = 0; i < 8; ++i) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  mode = argv[1];
  if (argc > 2) {
    std::ifstream stream(argv[2], std::ios::binary);
    file.assign(std::istreambuf_iterator<char>(stream), {});
  }
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener, mode == "connect" ? 0 : 64) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::perror("listen");
    return 1;
  }
  if (mode == "connect") fill_backlog(address);
  std::printf("ready %d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  if (mode == "connect")
    while (true) pause();
  while (true) {
    int fd = accept(listener, nullptr, nullptr);
    if (fd < 0) continue;
    std::thread([fd] {
      if (mode == "banner") {
        send_all(fd, "SSH-2.0-OpenSSH_9.2p1 Debian\r\n");
        hang(fd);
      } else if (mode != "hangs-up") {
        std::string request;
        char buffer[4096];
        ssize_t got = 0;
        while (request.find("\r\n\r\n") == std::string::npos && (got = recv(fd, buffer, sizeof buffer, 0)) > 0)
          request.append(buffer, static_cast<size_t>(got));
        if (got > 0) serve(fd, request);
      }
      close(fd);
    }).detach();
  }
}
