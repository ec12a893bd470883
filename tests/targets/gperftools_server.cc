// A program with gperftools behind HTTP, as https://gperftools.github.io/gperftools/pprof_remote_servers.html wants it:
//   TCMALLOC_SAMPLE_PARAMETER=1000 gperftools_server
// Prints "ready PORT", then "GET PATH" for each request. Allocates in hold_memory() and burns the CPU in burn().
#include <arpa/inet.h>
#include <gperftools/malloc_extension.h>
#include <gperftools/profiler.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

namespace {

std::vector<std::vector<char>> held;
volatile unsigned sink;

__attribute__((noinline)) void hold_memory() {
  for (int i = 0; i < 200; ++i) held.emplace_back(10'000 + static_cast<size_t>(i), 'x');
}

__attribute__((noinline)) void burn() {
  while (true)
    for (unsigned i = 0; i < 1'000'000; ++i) sink = sink + i;
}

std::string read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string cpu_profile(int seconds) {
  // The profiler opens a file by its name: one in memory has this name.
  int fd = memfd_create("cpu.prof", MFD_CLOEXEC);
  if (fd < 0) return {};
  std::string path = "/proc/self/fd/" + std::to_string(fd);
  ProfilerStart(path.c_str());
  sleep(static_cast<unsigned>(seconds));
  ProfilerStop();
  std::string bytes = read_file(path.c_str());
  close(fd);
  return bytes;
}

std::string answer_to(const std::string& path, std::string& status) {
  status = "200 OK";
  std::string out;
  if (path == "/pprof/cmdline") {
    out = read_file("/proc/self/cmdline");
    for (char& c : out)
      if (c == '\0') c = '\n';
  } else if (path == "/pprof/heap") {
    MallocExtension::instance()->GetHeapSample(&out);
  } else if (path == "/pprof/growth") {
    MallocExtension::instance()->GetHeapGrowthStacks(&out);
  } else if (path.rfind("/pprof/profile?seconds=", 0) == 0) {
    out = cpu_profile(std::atoi(path.c_str() + 23));
  } else {
    status = "404 Not Found";
    out = "no such page\n";
  }
  return out;
}

void serve(int fd) {
  std::string request;
  char buffer[4096];
  ssize_t got = 0;
  while (request.find("\r\n\r\n") == std::string::npos && (got = recv(fd, buffer, sizeof buffer, 0)) > 0)
    request.append(buffer, static_cast<size_t>(got));
  if (request.rfind("GET ", 0) != 0) return;
  std::string path = request.substr(4, request.find(' ', 4) - 4), status;
  std::printf("GET %s\n", path.c_str());
  std::fflush(stdout);
  std::string body = answer_to(path, status);
  std::string answer = "HTTP/1.1 " + status + "\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: " +
                       std::to_string(body.size()) + "\r\n\r\n" + body;
  for (size_t sent = 0; sent < answer.size();) {
    ssize_t now = send(fd, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
    if (now <= 0) return;
    sent += static_cast<size_t>(now);
  }
}

}  // namespace

int main() {
  hold_memory();
  std::thread(burn).detach();
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener, 64) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::perror("listen");
    return 1;
  }
  std::printf("ready %d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  while (true) {
    int fd = accept(listener, nullptr, nullptr);
    if (fd < 0) continue;
    serve(fd);
    close(fd);
  }
}
